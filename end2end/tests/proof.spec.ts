// The browser checks the log by itself: what holds is said step by step, what was changed is found, and a log that was
// remembered is noticed when it becomes another one.
import AxeBuilder from "@axe-core/playwright";
import type { Page, Route } from "@playwright/test";
import { alive, expect } from "../support/browser";
import { act, api, decisions, fresh, signIn, test } from "../support/demo";

/** The panel that the checker fills. */
const proof = (page: Page) => page.getByRole("region", { name: "Proof", exact: true });
const HOLDS = "In the log, unchanged";
const DOES_NOT = "Not what the log holds";

/** What the server says on its way to the page, changed. */
async function changed(page: Page, address: string | RegExp, change: (text: string) => string) {
  await page.route(address, async (route: Route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: change(await answer.text()) });
  });
}

test.describe("a decision", () => {
  let place: string;

  test.beforeEach(async ({ page, demo }) => {
    await signIn(page, demo);
    if (place) return;
    const { id } = await fresh(page, demo, "storage");
    await act(demo, id, "hold", "Waiting for `storage` **again**, 3 % of errors\nand a second line", "release_manager");
    const held = (await decisions(demo, id)).find(({ action }) => action === "hold");
    place = `${demo.url}/decisions/${held!.id}`;
  });

  test("is proven in the browser, step by step, with what it was checked against", async ({ page, demo }) => {
    await page.goto(place);
    await expect(proof(page).getByRole("status")).toHaveText(HOLDS);
    const steps = proof(page).getByRole("listitem").filter({ hasText: "Holds: " });
    await expect(steps).toHaveText([
      /The record hashes to the leaf[A-Za-z0-9+/]{43}=$/,
      /\d+ hashes lead from the leaf to the rootentry [\d\u00a0]+ of [\d\u00a0]+/,
      /The root is signed by \S+/,
      /The \d+ texts of it are those that were written down/,
      /This page says what the record says/,
      /What was seen is what the record namessha256:[0-9a-f]{64}/,
    ]);
    await expect(proof(page).getByText(/^Checked \d\d:\d\d:\d\d UTC, in this browser\.$/)).toBeVisible();
    await expect(page.getByRole("alert")).toHaveCount(0);
    // The same when the page was reached from another one.
    await page.goto(`${demo.url}/decisions?act=hold`);
    await alive(page);
    await page.getByRole("row").getByRole("link", { name: /Held, in the signed log/ }).first().click();
    await expect(proof(page).getByRole("status")).toHaveText(HOLDS);
  });

  test("without a reason is proven as well", async ({ page, demo }) => {
    const answer = await api(demo, "auditor", "/decisions?action=sign_in");
    const { items } = (await answer.json()) as { items: { id: string; reason: string }[] };
    expect(items[0].reason).toBe("");
    await page.goto(`${demo.url}/decisions/${items[0].id}`);
    await expect(proof(page).getByRole("status")).toHaveText(HOLDS);
  });

  const tampered: [string, RegExp, (text: string) => string, string][] = [
    ["a changed byte of the record", /\/entry$/, (text) => text.replace("hold", "halt"), "The hashes do not lead from the leaf to the root"],
    ["a changed hash of the proof", /\/proof$/, (text) => text.replace(/\n([^\n]{43}=)\n/, `\n${"A".repeat(43)}=\n`), "The hashes do not lead from the leaf to the root"],
    ["a changed head", /\/proof$/, (text) => text.replace(/\n(\d+)\n([^\n]{43}=)\n\n—/, (_, size, root) => `\n${Number(size) + 1}\n${root}\n\n—`), "The root is not signed by the log's key"],
    ["another key", /\/log\/key$/, () => "sternway.example/log+6ce49532+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c\n", "The root is not signed by the log's key"],
    ["another text beside the record", /\/entry$/, (text) => text.replace('"text":"Waiting', '"text":"Hoping'), "The texts are not those that were written down"],
    ["other evidence", /\/evidence\/sha256/, (text) => text.replace("0", "1"), "What was seen is not what the record names"],
  ];
  for (const [what, address, change, found] of tampered) {
    test(`${what} is found and said aloud`, async ({ page }) => {
      await changed(page, address, change);
      await page.goto(place);
      await expect(proof(page).getByRole("status")).toHaveText(DOES_NOT);
      await expect(proof(page).getByRole("listitem").filter({ hasText: `Does not hold: ${found}` })).toBeVisible();
      await expect(page.getByRole("alert")).toContainText("Do not rely on what stands here.");
    });
  }

  test("a page that says something else than the record is found", async ({ page }) => {
    await changed(page, /\/decisions\/[0-9a-f-]+$/, (html) => html.replaceAll("and a second line", "and nothing else!"));
    await page.goto(place);
    await expect(proof(page).getByRole("listitem").filter({ hasText: /^Does not hold: / })).toHaveText([
      /A text on this page is not the one that was written down.*`reason`/,
      /This page does not say what the record says.*`reason`/,
    ]);
  });

  test.describe("without an answer", () => {
    test.use({ provoked: /net::ERR_FAILED|status of 503/ });

    test("nothing is claimed, and it can be tried again by keyboard", async ({ page }) => {
      await page.route(/\/proof$/, (route) => route.abort());
      await page.goto(place);
      await expect(proof(page).getByRole("status")).toHaveText("Not checked: Sternway did not answer");
      await page.unroute(/\/proof$/);
      const again = proof(page).getByRole("button", { name: "Try again" });
      await again.focus();
      await page.keyboard.press("Enter");
      await expect(proof(page).getByRole("status")).toHaveText(HOLDS);
    });

    test("an entry that is not signed yet is waited for", async ({ page }) => {
      let asked = 0;
      await page.route(/\/log\/checkpoint$/, (route) => (++asked < 3 ? route.fulfill({ status: 503, body: "" }) : route.continue()));
      await page.goto(place);
      await expect(proof(page).getByRole("status")).toHaveText(HOLDS);
      // A page that another decision has redrawn meanwhile asks once more.
      expect(asked).toBeGreaterThanOrEqual(3);
    });
  });

  test("what was unfolded stays so when a later decision draws the page anew", async ({ page, demo }) => {
    const { id } = await fresh(page, demo, "storage");
    await act(demo, id, "hold", "To be read at leisure");
    const [held] = await decisions(demo, id);
    await page.goto(`${demo.url}/decisions/${held.id}`);
    await alive(page);
    await proof(page).getByText("The record as it was hashed").click();
    const record = proof(page).getByText("The texts of which it holds commitments:");
    await expect(record).toBeVisible();
    await act(demo, id, "resume", "While somebody reads");
    await expect(page.getByRole("region", { name: "Before and after" })).toContainText("Resumed");
    await expect(record).toBeVisible();
    await expect(proof(page).getByText("sternway audit pin checkpoint.txt")).toBeHidden();
  });

  test("axe finds nothing, checked or found wanting, in either theme", async ({ page }) => {
    for (const wrong of [false, true]) {
      if (wrong) await changed(page, /\/entry$/, (text) => text.replace("hold", "halt"));
      await page.goto(place);
      await alive(page);
      await expect(proof(page).getByRole("status")).toHaveText(wrong ? DOES_NOT : HOLDS);
      for (const summary of await proof(page).locator("summary").all()) await summary.click();
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
        expect(violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))).toEqual([]);
      }
    }
  });

  test("without scripts the panel says how to check by hand @no-scripts", async ({ page }) => {
    await page.goto(place);
    await expect(proof(page).getByRole("status")).toHaveText("Not checked here yet");
    await proof(page).getByText("Without this page").click();
    await expect(proof(page).getByText("sternway audit pin checkpoint.txt")).toBeVisible();
    await expect(proof(page).getByRole("link", { name: "Its proof" })).toBeVisible();
  });
});

test.describe("the log that was remembered", () => {
  test("has only grown; another history and another key are said aloud", async ({ page, demo }) => {
    await signIn(page, demo);
    await page.goto(`${demo.url}/decisions`);
    const log = page.getByRole("region", { name: "The log" });
    await log.getByRole("button", { name: "Remember this log" }).click();
    await expect(log.getByText(/The log has only grown since \d+ \w+,? \d\d:\d\d UTC/)).toBeVisible();

    const { id } = await fresh(page, demo, "storage");
    await act(demo, id, "hold", "So that the log grows");
    const [held] = await decisions(demo, id);
    await page.goto(`${demo.url}/decisions/${held.id}`);
    await expect(proof(page).getByText(/The log has only grown since/)).toBeVisible();
    await expect(proof(page).getByText(/^[\d\u00a0]+ entries then, [\d\u00a0]+ now$/)).toBeVisible();

    // What was remembered is of another history: one more entry, and another root under the same key.
    const other = await page.evaluate(() => {
      const kept = JSON.parse(localStorage.getItem("sternway-log")!);
      localStorage.setItem("sternway-log", JSON.stringify({ ...kept, key: kept.key.replace("+", "x+") }));
      return kept.key as string;
    });
    await page.reload();
    await expect(proof(page).getByText("What this browser remembers of the log is damaged")).toBeVisible();
    await page.evaluate((key) => {
      const kept = JSON.parse(localStorage.getItem("sternway-log")!);
      localStorage.setItem("sternway-log", JSON.stringify({ ...kept, key }));
    }, other);

    // A proof of growth that leads elsewhere.
    await changed(page, /\/log\/consistency/, (text) => text.replace(/"[A-Za-z0-9+/]{43}="/, `"${"A".repeat(43)}="`));
    await act(demo, id, "resume", "And grows again");
    await page.reload();
    await expect(proof(page).getByText("Does not hold: The log is not the one you remember")).toBeAttached();
    await expect(page.getByRole("alert")).toContainText(/Remembered: [\d\u00a0]+ entries, root \S+/);
    await expect(page.getByRole("alert")).toContainText(/Now: [\d\u00a0]+ entries, root \S+/);
    await proof(page).getByRole("button", { name: "Forget what was remembered" }).click();
    await expect(proof(page).getByRole("status")).toHaveText(HOLDS);
    await expect(page.getByRole("alert")).toHaveCount(0);
  });
});

test.describe("looking for decisions", () => {
  test("words, filters and pages stand in the address and work without scripts @no-scripts", async ({ page, demo }) => {
    await signIn(page, demo);
    const { id } = await fresh(page, demo, "storage");
    await act(demo, id, "hold", "Zebra crossing of the quay");
    await page.goto(`${demo.url}/decisions`);
    await page.getByLabel("Words").fill("quay zeb");
    await page.getByLabel("Outcome").selectOption("accepted");
    await page.getByRole("button", { name: "Show" }).click();
    expect(new URL(page.url()).searchParams.get("q")).toBe("quay zeb");
    await expect(page.getByRole("table", { name: "Decisions, newest first" }).getByText("“Zebra crossing of the quay”")).toBeVisible();
    await expect(page.getByRole("link", { name: /Held/ })).toHaveCount(1);
    await page.getByLabel("Words").fill("quagga");
    await page.getByRole("button", { name: "Show" }).click();
    await expect(page.getByRole("main")).toContainText("No decision matches this filter");
    await page.getByLabel("Words").fill("%");
    await page.getByRole("button", { name: "Show" }).click();
    await expect(page.getByRole("main")).toContainText("Give a word to look for");
    await page.goto(`${demo.url}/decisions?act=sign_in`);
    const older = page.getByRole("link", { name: "Older decisions" });
    if (await older.isVisible()) await expect(older).toHaveAttribute("href", /act=sign_in&cursor=\d+/);
  });
});
