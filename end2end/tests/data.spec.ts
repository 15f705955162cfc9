// Data that has changed its shape: a rollback that would lose some is refused and the release frozen instead; and two
// people break the glass.
import { confirm, enter, expect, open } from "../support/browser";
import { api, decisions, release, test, type Demo, type Release } from "../support/demo";

test.describe.configure({ mode: "serial" });

const LOSS = "Orders that were changed since the column status went";

type Data = { phase: string; glass_broken: string | null; queries: { name: string; result: { good: boolean; at: string } }[] };

/** The demo's release that is past its point of no return. */
async function orders(demo: Demo): Promise<Release> {
  const answer = await api(demo, "viewer", "/releases?service=orders&active=true");
  const { items } = (await answer.json()) as { items: Release[] };
  const [found] = items;
  if (!found) throw new Error("the demo has no release of orders under way");
  return found;
}

async function data(demo: Demo, id: string): Promise<Data> {
  const { items } = (await (await api(demo, "viewer", `/releases/${id}/migrations`)).json()) as { items: Data[] };
  return items[0]!;
}

test("the data of a release: how far it is, who moved it, and its queries really run", async ({ page, demo }) => {
  await enter(page, demo.url, demo.as("on_call"));
  const { id } = await orders(demo);
  await open(page, `${demo.url}/releases/${id}`);
  const panel = page.getByRole("region", { name: "Data" });
  await expect(panel).toContainText("order-state entered contract");
  await expect(panel).toContainText(LOSS);
  await expect(panel.getByRole("listitem").filter({ hasText: "Dual write" }).first()).toContainText("9.5.0 writes both columns");
  await expect(panel).toContainText("point of no return");
  const before = (await data(demo, id)).queries.find((query) => query.name === "orders")!.result.at;
  await panel.getByRole("button", { name: /^Run query orders/ }).click();
  await expect(page.getByRole("status").filter({ hasText: "is good: gave 240" })).toBeVisible();
  const after = (await data(demo, id)).queries.find((query) => query.name === "orders")!.result;
  expect(after.good).toBe(true);
  expect(after.at > before).toBe(true);
});

test("a rollback past the point of no return is refused and frozen instead", async ({ page, demo }) => {
  await enter(page, demo.url, demo.as("on_call"));
  const { id, version } = await orders(demo);
  await open(page, `${demo.url}/releases/${id}/act/rollback`);
  const main = page.getByRole("main");
  await expect(main).toContainText("orders cannot go back");
  await expect(main).toContainText(LOSS);
  await expect(main).toContainText("Two ways remain");
  await expect(main.getByRole("button", { name: /^Roll back/ })).toHaveCount(0);
  await expect(main.getByRole("link", { name: "Break the glass" })).toBeVisible();
  await expect(main.getByRole("link", { name: "Roll forward" })).toBeVisible();

  // The same words for a program, and the attempt is in the log.
  const body = JSON.stringify({ reason: "Errors everywhere", expected_version: version });
  const headers = { "idempotency-key": crypto.randomUUID() };
  const asked = async () => {
    const now = (await release(demo, id)).version;
    const init = { method: "POST", body: body.replace(`${version}}`, `${now}}`), headers };
    return api(demo, "on_call", `/releases/${id}/actions/rollback`, init);
  };
  const answer = await asked();
  expect(answer.status).toBe(409);
  const problem = (await answer.json()) as { type: string; data_loss: string; instead: string[] };
  expect(problem).toMatchObject({ type: "urn:sternway:problem:past-no-return", instead: ["freeze", "roll_forward"] });
  expect((await decisions(demo, id))[0]).toMatchObject({ action: "rollback", outcome: "refused" });

  await main.getByRole("link", { name: "Freeze" }).click();
  await page.getByLabel(/in your words/i).fill("Going back would lose orders");
  await confirm(page, /^Freeze orders/);
  await expect.poll(async () => (await release(demo, id)).state).toBe("frozen");
});

test("two people break the glass, and everything says so", async ({ page, browser, demo }) => {
  const [first, second] = [demo.as("on_call"), demo.as("release_manager")];
  await enter(page, demo.url, first);
  const { id } = await orders(demo);
  await open(page, `${demo.url}/releases/${id}`);
  const panel = page.getByRole("region", { name: "Data" });
  await panel.getByLabel("Why").fill("Customers cannot pay");
  await panel.getByRole("button", { name: /^Ask a second person/ }).click();
  await expect(panel).toContainText(`${first.name} asked at`);
  await expect(panel.getByRole("button", { name: /glass/ })).toHaveCount(0);
  expect((await data(demo, id)).glass_broken).toBeNull();

  const context = await browser.newContext();
  try {
    const other = await context.newPage();
    await enter(other, demo.url, second);
    await open(other, `${demo.url}/releases/${id}`);
    const there = other.getByRole("region", { name: "Data" });
    await there.getByLabel("Why").fill("Agreed on the phone");
    await there.getByRole("button", { name: `Break the glass with ${first.name}` }).click();
    await expect(other.getByText(`Glass broken by ${first.name} and ${second.name}: Customers cannot pay`).first()).toBeVisible();
  } finally {
    await context.close();
  }

  await open(page, `${demo.url}/releases/${id}/act/rollback`);
  await expect(page.getByRole("main")).toContainText(`Glass broken by ${first.name} and ${second.name}`);
  await page.getByLabel(/in your words/i).fill("The loss is accepted");
  await confirm(page, /^Roll back orders to/);
  const steps = page.getByRole("region", { name: "Way back, step by step" });
  await expect(steps).toContainText("Repair the data of order-state: the glass is broken");
  await expect(steps.getByRole("button", { name: /^Done, signed off/ })).toBeVisible({ timeout: 30_000 });
  await steps.getByLabel("Why").fill("Restored the status of 12 orders by hand");
  await steps.getByRole("button", { name: /^Done, signed off/ }).click();
  await expect.poll(async () => (await release(demo, id)).state, { timeout: 60_000 }).toBe("rolled_back");
});
