// A person rolls back in the browser: real HAProxy, real clients, the real program.
import type { Page } from "@playwright/test";
import { alive, confirm, enter, expect } from "../support/browser";
import { build, founded, MAYA, send } from "../support/founder";
import { test, type Yard } from "../support/haproxy";
import { eventually } from "../support/program";

const REASON = "Customers report errors at the till";

/** A release of checkout that Maya made and started, with a canary that gets requests. */
async function started(page: Page, yard: Yard, version: string, digit: string): Promise<string> {
  const asked = { service: "checkout", plan: "by-hand", candidate: build(version, digit), baseline: build("1.41.3", "a"), reason: "Pricing by currency" };
  const { release } = await send(page, yard, "/releases", asked);
  await send(page, yard, `/releases/${release.id}/actions/start`, { reason: "As planned", expected_version: release.version });
  await expect.poll(() => yard.canaryWeight()).toBeGreaterThan(0);
  const { canary } = yard.counts();
  await expect.poll(() => yard.counts().canary).toBeGreaterThan(canary + 20);
  return release.id;
}

/** Opens the release from the board and waits until nothing more is about to change: it has its verdict. */
async function openFromBoard(page: Page, yard: Yard, version: string) {
  await page.goto(yard.url);
  await alive(page);
  await page.getByRole("row", { name: new RegExp(`checkout .* ${version.replaceAll(".", "\\.")}`) }).getByRole("link", { name: "checkout", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: `checkout 1.41.3 to ${version}` })).toBeVisible();
  await alive(page);
  await expect(page.getByRole("heading", { name: "Verdict: Pass" })).toBeVisible();
}

async function giveReason(page: Page) {
  await page.getByRole("main").getByRole("link", { name: "Roll back", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Roll back checkout to 1.41.3" });
  await expect(dialog.getByRole("group", { name: "Traffic now and after" })).toContainText("25 %");
  await dialog.getByLabel("In your words").fill(REASON);
}

test.describe.serial("on real HAProxy", () => {
  test.beforeAll(async ({ browser, yard }) => {
    const page = await browser.newPage();
    await founded(page, yard);
    await page.close();
  });

  test("a person rolls back with a reason: the canary gets nothing more, and the decision is in the log", async ({ page, context, yard }) => {
    await enter(page, yard.url, MAYA);
    const id = await started(page, yard, "1.42.0", "b");
    // Somebody else looks on, and touches nothing.
    const other = await context.newPage();
    await openFromBoard(other, yard, "1.42.0");
    await other.evaluate(() => (document.body.dataset.sameDocument = "yes"));
    await openFromBoard(page, yard, "1.42.0");

    await giveReason(page);
    await confirm(page, "Roll back checkout to 1.41.3");

    for (const tab of [page, other]) {
      await expect(tab.getByRole("heading", { name: "State: Rolled back" })).toBeVisible();
      await expect(tab.getByText(/^Asked 0\s%/)).toBeVisible();
      await expect(tab.getByText(/^Confirmed by the proxy, \d+/)).toBeVisible();
      await expect(tab.getByRole("main").getByRole("link", { name: "Roll back", exact: true })).toHaveCount(0);
    }
    await expect(other.locator("body")).toHaveAttribute("data-same-document", "yes");
    await expect(page.getByRole("status").filter({ hasText: /^Asked .*: rollback checkout\./ })).toBeVisible();

    expect(await yard.canaryWeight()).toBe(0);
    expect(await yard.weight("stable-1")).toBeGreaterThan(0);
    // Requests on their way may still reach it; from then on none does.
    const after = await eventually("a hundred answers", async () => {
      const before = yard.counts();
      return eventually("more answers", async () => (yard.counts().stable > before.stable + 100 ? { before, now: yard.counts() } : undefined));
    });
    expect(after.now.canary).toBeLessThanOrEqual(after.before.canary + 8);
    const last = yard.counts().canary;
    await expect.poll(() => yard.counts().stable).toBeGreaterThan(after.now.stable + 100);
    expect(yard.counts()).toMatchObject({ canary: last, lost: 0 });

    await page.getByRole("link", { name: "Decisions", exact: true }).click();
    const row = page.getByRole("row").filter({ hasText: REASON });
    await expect(row).toHaveCount(1);
    await expect(row).toContainText("Maya Ortiz");
    await row.getByRole("link").click();
    await expect(page.getByRole("blockquote")).toHaveText(`“${REASON}”`);
    const decision = page.getByRole("region", { name: "Decision", exact: true });
    await expect(decision.getByText("Confirmed by the proxy")).toBeVisible();
    const saw = page.getByRole("region", { name: "What Maya Ortiz saw" });
    await expect(saw.getByText("Pass", { exact: true })).toBeVisible();
    await expect(saw.getByRole("figure", { name: "Errors" })).toBeVisible();
    const log = await (await page.request.get(`${yard.url}/api/v1/decisions?release=${id}`)).json();
    const kept = log.items.find((one: { action: string }) => one.action === "rollback");
    expect(kept).toMatchObject({ actor: "Maya Ortiz", outcome: "accepted", reason: REASON });
    const evidence = await page.request.get(`${yard.url}/api/v1/evidence/${kept.evidence}`);
    expect(await evidence.json()).toMatchObject({ verdict: { kind: "pass" } });
  });

  test("a way back that the proxy cannot be told of is shown as asked, and as confirmed when it is", async ({ page, yard }) => {
    await enter(page, yard.url, MAYA);
    await started(page, yard, "1.43.0", "c");
    await openFromBoard(page, yard, "1.43.0");
    await giveReason(page);
    yard.hideSocket();
    try {
      await confirm(page, "Roll back checkout to 1.41.3");
      await expect(page.getByText(/^Asked 0\s%/)).toBeVisible();
      await expect(page.getByText("Not confirmed yet", { exact: true })).toBeVisible();
      await expect(page.getByRole("heading", { name: "State: Rolling back" })).toBeVisible();
      await alive(page);
      await page.evaluate(() => (document.body.dataset.sameDocument = "yes"));
      expect(await yard.canaryWeight()).toBeGreaterThan(0);
      await expect(page.getByText("Traffic is not what was asked")).toBeVisible();
    } finally {
      yard.showSocket();
    }
    await expect(page.getByText(/^Confirmed by the proxy, \d+/)).toBeVisible();
    await expect(page.getByRole("heading", { name: "State: Rolled back" })).toBeVisible();
    await expect(page.locator("body")).toHaveAttribute("data-same-document", "yes");
    expect(await yard.canaryWeight()).toBe(0);
  });
});
