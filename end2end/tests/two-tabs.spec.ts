// Two tabs look at the same release. The second to act is told what changed, and nothing happens twice.
import type { Page } from "@playwright/test";
import { confirm, expect, open } from "../support/browser";
import { act, decisions, type Demo, fresh, release, signIn, test } from "../support/demo";

/** Accepted acts of a kind on a release. */
async function accepted(demo: Demo, id: string, action: string) {
  return (await decisions(demo, id)).filter((one) => one.action === action && one.outcome === "accepted");
}

const changed = (page: Page) => page.getByRole("alert").filter({ hasText: "The release changed while this was open" });

test.describe("with a refusal", () => {
  test.use({ provoked: /status of 409/ });

  test("the second tab's act is refused: it sees what changed, keeps its reason, and may confirm again", async ({ page, context, demo }) => {
    await signIn(page, demo);
    const { id } = await fresh(page, demo, "pricing");
    const second = await context.newPage();
    await open(second, `${demo.url}/releases/${id}/act/rollback`);
    await second.getByLabel("In your words").fill("Wrong build, says the second tab");

    await open(page, `${demo.url}/releases/${id}`);
    await page.getByRole("main").getByRole("link", { name: "Hold", exact: true }).click();
    await page.getByRole("dialog").getByLabel("In your words").fill("The first tab was quicker");
    await confirm(page, "Hold pricing");

    await second.getByRole("button", { name: /^Roll back pricing to/ }).click();
    await expect(changed(second)).toContainText("The first tab was quicker");
    await expect(changed(second)).toContainText("Maya Ortiz");
    await expect(changed(second)).toContainText("Nothing was done.");
    await expect(second.getByLabel("In your words")).toHaveValue("Wrong build, says the second tab");
    expect((await release(demo, id)).state).toBe("holding");
    expect(await accepted(demo, id, "rollback")).toHaveLength(0);

    await confirm(second, /^Roll back pricing to/);
    await expect(second.getByRole("heading", { name: "State: Rolled back" })).toBeVisible();
    await expect(page.getByRole("heading", { name: "State: Rolled back" })).toBeVisible();
    expect(await accepted(demo, id, "hold")).toHaveLength(1);
    expect(await accepted(demo, id, "rollback")).toMatchObject([{ reason: "Wrong build, says the second tab" }]);
  });

  test("when the first tab has rolled back, the second is told that there is nothing left to do", async ({ page, context, demo }) => {
    await signIn(page, demo);
    const { id } = await fresh(page, demo, "pricing");
    const second = await context.newPage();
    await open(second, `${demo.url}/releases/${id}/act/rollback`);
    await second.getByLabel("In your words").fill("Also me");
    await open(page, `${demo.url}/releases/${id}/act/rollback`);
    await page.getByLabel("In your words").fill("Me first");
    await confirm(page, /^Roll back pricing to/);
    await expect.poll(async () => (await release(demo, id)).state).toBe("rolled_back");

    await second.getByRole("button", { name: /^Roll back pricing to/ }).click();
    await expect(changed(second)).toContainText("Me first");
    await expect(second.getByText("Not while rolled back.")).toBeVisible();
    await expect(second.getByRole("button", { name: /^Roll back pricing to/ })).toHaveCount(0);
    expect(await accepted(demo, id, "rollback")).toMatchObject([{ reason: "Me first" }]);
  });
});

test("an open dialog says what changed, keeps what was typed, and asks again", async ({ page, demo }) => {
  await signIn(page, demo);
  const { id } = await fresh(page, demo, "pricing");
  await open(page, `${demo.url}/releases/${id}`);
  await page.getByRole("main").getByRole("link", { name: "Roll back", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: /^Roll back pricing/ });
  await dialog.getByLabel("In your words").fill("Typed before it chan");
  await act(demo, id, "hold", "Somebody was quicker", "on_call");
  await expect(changed(page)).toContainText("Somebody was quicker");
  await expect(dialog.getByLabel("In your words")).toHaveValue("Typed before it chan");
  await expect(dialog.getByLabel("In your words")).toBeFocused();
  await page.keyboard.type("ged");
  await confirm(page, /^Roll back pricing to/);
  await expect(page.getByRole("heading", { name: "State: Rolled back" })).toBeVisible();
  expect(await accepted(demo, id, "rollback")).toMatchObject([{ reason: "Typed before it changed" }]);
});

test("the same form sent twice, in any way, acts once", async ({ page, demo }) => {
  await signIn(page, demo);
  const { id } = await fresh(page, demo, "pricing");
  const form = page.locator("form.act-page");
  await open(page, `${demo.url}/releases/${id}/act/hold`);
  await page.getByLabel("In your words").fill("Sent more than once");
  const fields = await form.evaluate((form: HTMLFormElement) => Object.fromEntries(new FormData(form) as Iterable<[string, string]>));
  const send = () => page.request.post(`${demo.url}/releases/${id}/act/hold`, { form: fields, maxRedirects: 0 });
  // At the same moment, and again later as a reload would.
  const answers = [...(await Promise.all([send(), send()])), await send()];
  expect(answers.map((answer) => answer.status())).toEqual([303, 303, 303]);
  expect(new Set(answers.map((answer) => answer.headers().location)).size).toBe(1);
  expect(await accepted(demo, id, "hold")).toHaveLength(1);

  // Back from the release to the form: it is made anew, with another key, and says how things stand now.
  await open(page, `${demo.url}/releases/${id}/act/rollback`);
  await page.getByLabel("In your words").fill("Clicked twice");
  const key = await form.locator("input[name=idempotency_key]").inputValue();
  const sent: string[] = [];
  page.on("request", (request) => request.method() === "POST" && request.isNavigationRequest() && sent.push(request.url()));
  await page.getByRole("button", { name: /^Roll back pricing to/ }).dblclick();
  await expect(page.getByRole("heading", { name: "State: Rolled back" })).toBeVisible();
  expect(sent).toHaveLength(1);
  await page.goBack();
  await expect(page.getByText("Not while rolled back.")).toBeVisible();
  await expect(form.locator("input[name=idempotency_key]")).not.toHaveValue(key);
  expect(await accepted(demo, id, "rollback")).toHaveLength(1);
});
