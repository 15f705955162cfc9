// A change freeze: nothing new goes out without an override that is written down, and going back is never kept from.
import type { Page } from "@playwright/test";
import { confirm, expect, open } from "../support/browser";
import { api, decisions, type Demo, fresh, release, signIn, test } from "../support/demo";

const HOUR = 3_600_000;

/** Freezes `pricing` from an hour ago for three hours, or lifts that. */
async function freeze(demo: Demo, lifted: boolean) {
  const clock = (hours: number) => new Date(Date.now() + hours * HOUR).toISOString().slice(0, 16);
  const window = `{ once: { from: ${clock(-1)}, to: ${clock(2)} } }`;
  const text = `kind: ChangeFreeze\nname: stocktaking\ndescription: Stocktaking.\nservices: [pricing]\nzone: UTC\nwindows: [${window}]\nlifted: ${lifted}\n`;
  const body = JSON.stringify({ files: [{ path: "freeze.yaml", text }], reason: lifted ? "Counted" : "We count" });
  const answer = await api(demo, "admin", "/apply", { method: "POST", body, headers: { "idempotency-key": crypto.randomUUID() } });
  expect(answer.status, await answer.text()).toBe(200);
}

const notice = (page: Page) => page.getByText(/^Change freeze until /).first();

test.describe("with a refusal", () => {
  test.use({ provoked: /status of 4(09|22)/ });

  test("frozen: promoting needs an override that is written down, going back needs none, and lifting ends it", async ({ page, demo }) => {
    await signIn(page, demo);
    const { id } = await fresh(page, demo, "pricing");
    await freeze(demo, false);
    try {
      await page.goto(demo.url);
      await expect(page.getByRole("row").filter({ hasText: "pricing" }).first()).toContainText("Change freeze until");
      await open(page, `${demo.url}/services/pricing`);
      await expect(notice(page)).toBeVisible();
      await open(page, `${demo.url}/releases/${id}`);
      await expect(notice(page)).toBeVisible();
      await expect(page.getByRole("main")).toContainText("Stocktaking. Neither started nor promoted meanwhile without an override");

      await open(page, `${demo.url}/releases/${id}/act/promote`);
      const box = page.getByLabel(/although pricing is frozen until .+ \(Stocktaking\): the log will say so/);
      await expect(box).not.toBeChecked();
      await page.getByLabel("In your words").fill("The counters need it");
      await page.getByRole("button", { name: /^Promote pricing/ }).click();
      await expect(page.getByRole("alert").first()).toContainText("This was not done");
      await expect(page.getByLabel("In your words")).toHaveValue("The counters need it");
      expect((await decisions(demo, id))[0]).toMatchObject({ action: "promote", outcome: "refused" });

      await box.check();
      await confirm(page, /^Promote pricing/);
      const [promoted] = (await decisions(demo, id)).filter((one) => one.action === "promote" && one.outcome === "accepted");
      await page.goto(`${demo.url}/decisions/${promoted!.id}`);
      await expect(page.getByRole("main")).toContainText(/change freeze `?stocktaking`? of `?pricing`? until /);

      await open(page, `${demo.url}/releases/${id}/act/rollback`);
      await expect(page.getByRole("checkbox")).toHaveCount(0);
      await page.getByLabel("In your words").fill("Not good after all");
      await confirm(page, /^Roll back pricing/);
      await expect.poll(async () => (await release(demo, id)).state, { timeout: 60_000 }).toBe("rolled_back");
    } finally {
      await freeze(demo, true);
    }
    const after = await fresh(page, demo, "pricing");
    await open(page, `${demo.url}/releases/${after.id}/act/promote`);
    await expect(page.getByText(/is frozen/)).toHaveCount(0);
    await open(page, `${demo.url}/releases/${after.id}`);
    await expect(notice(page)).toHaveCount(0);
  });
});
