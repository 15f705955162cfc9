// Pages stay live by themselves: what changes is shown without loading, and when that is not so the page says it.
import type { Page } from "@playwright/test";
import { createServer } from "node:http";
import { alive, expect, open } from "../support/browser";
import { act, fresh, release, signIn, test } from "../support/demo";
import { test as alone } from "../support/alone";

/** Marks the document, so that loading it again would show. */
async function mark(page: Page) {
  await page.evaluate(() => (document.body.dataset.marked = "yes"));
}

async function expectSameDocument(page: Page) {
  await expect(page.locator("body")).toHaveAttribute("data-marked", "yes");
}

const holding = (page: Page) => page.getByText(/^Holding for /);

test("what others do is shown without loading, unless updates are paused", async ({ page, context, demo }) => {
  await signIn(page, demo);
  const { id } = await fresh(page, demo, "gateway");
  const paused = await context.newPage();
  for (const tab of [page, paused]) {
    await open(tab, `${demo.url}/releases/${id}`);
    await mark(tab);
  }
  await paused.getByRole("button", { name: "Pause live updates" }).click();
  await expect(paused.getByText(/^Paused at \d\d:\d\d:\d\d$/)).toBeVisible();

  await act(demo, id, "hold", "Somebody else looks into it");
  await expect(holding(page)).toBeVisible();
  await expect(page.getByText("“Somebody else looks into it”")).toBeVisible();
  await expect(holding(paused)).toHaveCount(0);

  await paused.getByRole("button", { name: "Go on with live updates" }).click();
  await expect(paused.getByText(/^Live, /)).toBeVisible();
  await expect(holding(paused)).toBeVisible();
  for (const tab of [page, paused]) await expectSameDocument(tab);
});

test("the board follows too, and a tab holds one stream of events", async ({ page, demo }) => {
  const streams: string[] = [];
  page.on("request", (request) => request.url().endsWith("/api/v1/events") && streams.push(request.url()));
  await signIn(page, demo);
  const { id } = await fresh(page, demo, "storage");
  streams.length = 0;
  await open(page, demo.url);
  await mark(page);
  // A finished release of the service has its row too, without a stage.
  const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: "storage", exact: true }), hasText: /of \d:\d\d|held/ });
  await expect(row).toHaveCount(1);
  await act(demo, id, "hold", "Looking into a signal");
  await expect(row).toContainText("Holding: a person said so");
  await act(demo, id, "rollback", "Seen enough");
  await expect(row).toHaveCount(0);
  await expectSameDocument(page);
  expect(streams).toHaveLength(1);
});

test("what happens while a page is on its way is not missed", async ({ page, context, demo }) => {
  await signIn(page, demo);
  const { id } = await fresh(page, demo, "storage");
  let go = () => {};
  const gate = new Promise<void>((done) => (go = done));
  await context.route("**/api/v1/events", async (route) => {
    await gate;
    await route.continue();
  });
  const asked = page.waitForRequest("**/api/v1/events");
  await page.goto(`${demo.url}/releases/${id}`);
  await asked;
  await act(demo, id, "rollback", "Before the page could hear of it");
  await expect.poll(async () => (await release(demo, id)).state).toBe("rolled_back");
  await expect(page.getByRole("heading", { name: "State: Rolled back" })).toHaveCount(0);
  go();
  await alive(page);
  await expect(page.getByRole("heading", { name: "State: Rolled back" })).toBeVisible();
});

test("errors injected by the demo's bar are seen, judged and answered before the eyes of who looks on", async ({ page, context, demo }) => {
  await signIn(page, demo);
  const { id } = await fresh(page, demo, "search");
  const other = await context.newPage();
  await open(other, `${demo.url}/releases/${id}`);
  await mark(other);
  await expect(other.getByRole("heading", { name: /^Verdict: / })).toBeVisible();

  await open(page, `${demo.url}/releases/${id}`);
  await page.getByText("Real services, real traffic, on this machine.").click();
  await page.getByRole("button", { name: "20 % errors in search" }).click();
  await alive(page);
  await expect(page.getByText("search: 20 % errors.")).toBeVisible();

  await expect(other.getByRole("img", { name: /^Errors.* Canary (?!0\.00|no)[\d.]+ %/ }).first()).toBeVisible();
  await expect(other.getByRole("heading", { name: "State: Rolled back" })).toBeVisible({ timeout: 90_000 });
  await expect(other.getByRole("list").filter({ hasText: "automation, rule" }).first()).toBeVisible();
  await expectSameDocument(other);

  await page.getByText("Real services, real traffic, on this machine.").click();
  await page.getByRole("button", { name: "Clear search" }).click();
  await alive(page);
  await expect(page.getByText("search: 20 % errors.")).toHaveCount(0);
});

alone.describe("when the server goes", () => {
  // The browser tells of each attempt that found nobody, or a proxy's excuse.
  alone.use({ provoked: /net::ERR_|status of 503|^EventSource's response has a/ });

  alone("the page says since when, keeps what it shows, and is live again after it is back", async ({ page, sternway }) => {
    await sternway.signIn(page);
    await alive(page);
    await mark(page);
    await sternway.kill();
    await expect(page.getByText(/^Not live since \d\d:\d\d:\d\d - retrying$/)).toBeVisible();
    await expect(page.getByText("Not live: what stands below is kept and greyed")).toBeVisible();
    await expect(page.getByRole("heading", { name: "Releases" })).toBeVisible();

    // A proxy in front answers for a while that nobody is there.
    const proxy = createServer((_, response) => response.writeHead(503).end("nobody is there"));
    const refused = page.waitForResponse((answer) => answer.status() === 503);
    await new Promise<void>((done) => proxy.listen(sternway.port, "127.0.0.1", done));
    await refused;
    await new Promise((done) => proxy.close(done).closeAllConnections());

    await sternway.start();
    await alive(page);
    await expect(page.getByText("Not live: what stands below is kept and greyed")).toHaveCount(0);
    await expectSameDocument(page);
  });
});
