// Every page for everybody: axe in both themes, structure that reads in order, all by keyboard, and 320 px.
import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { alive, confirm, expect } from "../support/browser";
import { api, decisions, type Demo, fresh, release, signIn, test } from "../support/demo";

const THEMES = ["light", "dark"] as const;

/** Every page there is for who has signed in, with a release of this service to show. */
async function places(page: Page, demo: Demo, service: string): Promise<string[]> {
  const { id } = await fresh(page, demo, service);
  const [decision] = await decisions(demo, id);
  return [
    "/",
    "/?q=nothing+is+called+so",
    `/releases/${id}`,
    `/releases/${id}/act/rollback`,
    `/releases/${id}/act/promote`,
    `/releases/${id}/act/rollforward`,
    `/releases/${id}/rehearsal`,
    "/releases/new",
    "/decisions",
    `/decisions/${decision.id}`,
    "/flags",
    "/flags/checkout.currency-pricing/off",
    "/services",
    `/services/${service}`,
    "/runbooks",
    "/runbooks/rollback",
    "/nothing/here",
  ];
}

/** Nothing that axe finds, in both themes. */
async function sound(page: Page, place: string) {
  for (const colorScheme of THEMES) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
    const found = violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${place}, ${colorScheme}: ${id}: ${help}: ${html}`));
    expect.soft(found).toEqual([]);
  }
}

/** Nothing sticks out to the side. */
async function fits(page: Page, place: string) {
  const { wide, room } = await page.evaluate(() => ({ wide: document.documentElement.scrollWidth, room: innerWidth }));
  expect.soft(wide, `${place} is ${wide} px wide`).toBeLessThanOrEqual(room);
}

test.describe("pages", () => {
  // One of the pages is not there.
  test.use({ provoked: /status of 404/ });

  test("axe finds nothing on any page, in either theme", async ({ page, demo }) => {
    await page.goto(`${demo.url}/signin`);
    await expect(page.locator("html[data-hydrated]")).toBeAttached();
    await sound(page, "/signin");
    await page.goto(`${demo.url}/setup/used-long-ago`);
    await expect(page.getByText("This link is used or over")).toBeVisible();
    await sound(page, "/setup");
    await signIn(page, demo);
    for (const place of await places(page, demo, "gateway")) {
      await page.goto(demo.url + place);
      await alive(page);
      await sound(page, place);
    }
  });

  test("at 320 px nothing is cut off or has to be scrolled sideways, and acts are within reach", async ({ page, demo }) => {
    await page.setViewportSize({ width: 320, height: 640 });
    await page.goto(`${demo.url}/signin`);
    await fits(page, "/signin");
    await signIn(page, demo);
    for (const place of await places(page, demo, "storage")) {
      await page.goto(demo.url + place);
      await alive(page);
      await fits(page, place);
      const back = page.getByRole("main").getByRole("link", { name: /^Roll back/ });
      if (/\/releases\/[^/]+$/.test(place) && place !== "/releases/new") await expect(back.filter({ visible: true }).first()).toBeInViewport({ ratio: 1 });
      if (place.endsWith("/act/rollback")) await expect(page.getByRole("button", { name: /^Roll back storage/ })).toBeInViewport({ ratio: 1 });
    }
  });

  test("at 320 px texts without a space fit, too, where an admin takes them out", async ({ page, demo }) => {
    await page.setViewportSize({ width: 320, height: 640 });
    await signIn(page, demo, "admin");
    const { items } = await (await api(demo, "auditor", "/decisions?action=apply")).json();
    const place = `/decisions/${items[0].id}/redact`;
    await page.goto(demo.url + place);
    await alive(page);
    await expect(page.getByRole("row").filter({ hasText: /sha256:[0-9a-f]{64}/ }).first()).toBeVisible();
    await fits(page, place);
    await sound(page, place);
  });

  test("a phone: acts within reach of the thumb, from the board to the way back @phone", async ({ page, demo }) => {
    await signIn(page, demo);
    for (const place of await places(page, demo, "storage")) {
      await page.goto(demo.url + place);
      await alive(page);
      await fits(page, place);
    }
    await page.goto(demo.url);
    await alive(page);
    await page.getByRole("row").getByRole("link", { name: "storage", exact: true }).first().tap();
    await expect(page.getByRole("heading", { level: 1, name: /^storage/ })).toBeVisible();
    const back = page.getByRole("main").getByRole("link", { name: /^Roll back/ }).filter({ visible: true });
    await expect(back).toBeInViewport({ ratio: 1 });
    await back.tap();
    const dialog = page.getByRole("dialog", { name: /^Roll back storage/ });
    await sound(page, "dialog on a phone");
    // Without a reason the focus goes where it belongs.
    await dialog.getByRole("button", { name: /^Roll back storage/ }).tap();
    await expect(dialog.getByLabel("In your words")).toBeFocused();
    await dialog.getByLabel("Wrong build").check();
    await confirm(page, /^Roll back storage/);
    await expect(page.getByRole("heading", { name: "State: Rolled back" })).toBeVisible();
  });
});

test("what opens on a page is sound too: dialog, keys, menu, the demo's bar, tables of charts", async ({ page, demo }) => {
  await signIn(page, demo);
  const { id } = await fresh(page, demo, "gateway");
  await page.goto(`${demo.url}/releases/${id}`);
  await alive(page);
  await page.getByText("Real services, real traffic, on this machine.").click();
  await page.getByText("Same data as a table").click();
  await page.getByRole("button", { name: "Maya Ortiz, release manager" }).click();
  await expect(page.getByRole("button", { name: "Sign out" })).toBeVisible();
  await sound(page, "menu, bar and table");
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
  await sound(page, "keys");
  await page.keyboard.press("Escape");
  await page.keyboard.press("r");
  await expect(page.getByRole("dialog", { name: /^Roll back gateway/ })).toBeVisible();
  await expect(page.getByLabel("In your words")).toBeVisible();
  await sound(page, "dialog");
});

test("board, release and dialog read in this order", async ({ page, demo }) => {
  await signIn(page, demo);
  const { id } = await fresh(page, demo, "gateway");
  await alive(page);
  await expect(page.locator("body")).toMatchAriaSnapshot(`
    - link "Skip to content"
    - banner:
      - link "Sternway, releases"
      - navigation "Main":
        - list:
          - listitem:
            - link "Releases"
          - listitem:
            - link "Decisions"
          - listitem:
            - link "Runbooks"
          - listitem:
            - link "Services"
      - paragraph: /Live, \\d+ s ago/
      - button "Pause live updates"
      - button "Maya Ortiz, release manager"
    - complementary "Demo controls"
    - status
    - main:
      - heading "Releases" [level=1]
      - navigation "Releases by need":
        - link /\\d+ needs? you/
        - link /\\d+ suspect/
        - link /\\d+ holding/
        - link /\\d+ progressing/
        - link /\\d+ finished today/
      - search:
        - searchbox "Filter by service, version or person"
      - link "New release"
      - table "Releases, sorted by need. Canary above, baseline below.":
        - rowgroup:
          - row "Service Verdict Stage Errors p99 latency Traffic Saturation Recommended act"
        - rowgroup:
          - row:
            - rowheader /^[A-Z][a-z ]+ \\d+/
  `);
  await expect(page.getByRole("row").filter({ has: page.getByRole("link", { name: "Open gateway" }) })).toMatchAriaSnapshot(`
    - row:
      - rowheader:
        - link "gateway"
      - cell
      - cell /\\d+ %/
      - cell
      - cell
      - cell
      - cell
      - cell:
        - link "Open gateway"
  `);
  await page.goto(`${demo.url}/releases/${id}`);
  await alive(page);
  await expect(page.getByRole("heading", { name: /^Verdict: / })).toBeVisible();
  await expect(page.getByRole("main")).toMatchAriaSnapshot(`
    - main:
      - heading /gateway \\S+ to \\S+/ [level=1]
      - paragraph:
        - link "demo-automatic v1"
      - group
      - link "Hold"
      - link "Roll back"
      - link "Promote"
      - list:
        - listitem: /Asked 5 %/
        - listitem: /Confirmed by the proxy/
      - region "Stages":
        - list:
          - listitem:
            - paragraph: 5 %
          - listitem:
            - paragraph: 25 %
          - listitem:
            - paragraph: 50 %
          - listitem:
            - paragraph: 100 %
        - term: Asked
        - definition: 5 %
        - definition:
          - time
        - term: Proxy reports
        - definition: 5 %
      - region /Verdict/:
        - heading /Verdict/ [level=2]
        - figure /Errors/:
          - heading /Errors/ [level=3]
          - img /Errors/
          - group: Same data as a table
      - region "Evidence":
        - heading "Evidence" [level=2]
        - region "Evidence by guard":
          - table
      - region "Signals":
        - heading "Signals" [level=2]
        - figure:
          - heading [level=3]
          - img
      - region "Timeline":
        - heading "Timeline" [level=2]
        - link "All decisions of this release"
        - list
      - region "Runbook":
        - heading "Runbook" [level=2]
        - link "Rollback"
      - region "Way back":
        - heading "Way back" [level=2]
      - region "Checklist":
        - heading "Checklist" [level=2]
  `);
  await page.getByRole("main").getByRole("link", { name: "Roll back", exact: true }).click();
  await expect(page.getByRole("dialog")).toMatchAriaSnapshot(`
    - dialog /Roll back gateway to \\S+/:
      - heading /Roll back gateway to \\S+/ [level=2]
      - paragraph:
        - text: Facts as of
        - time
        - text: /Release version \\d+/
      - button "Close, change nothing"
      - region "What will happen":
        - heading "What will happen" [level=3]
        - group "Traffic now and after"
        - list:
          - listitem: /Freeze/
          - listitem:
            - text: Shift all traffic of
            - code: gateway
          - listitem: /Prove recovery/
        - paragraph: /Told/
      - region "What is known":
        - heading "What is known" [level=3]
      - region "What could go wrong":
        - heading "What could go wrong" [level=3]
        - list
      - group "Reason":
        - radio "Customers report errors"
        - textbox /In your words/
      - paragraph: /Nothing happens until you confirm/
      - link "Keep watching"
      - button /Roll back gateway to \\S+/
  `);
});

test("by keyboard alone: from the board to a release, rolled back with a reason", async ({ page, demo }) => {
  await signIn(page, demo);
  const { id } = await fresh(page, demo, "pricing");
  await page.goto(demo.url);
  await alive(page);
  const focused = page.locator(":focus");
  // The first stop skips what is the same on every page.
  await page.keyboard.press("Tab");
  await expect(focused).toHaveText("Skip to content");
  const link = page.locator(`tr[data-release="${id}"] a`).first();
  for (let rows = await page.getByRole("row").count(); rows > 0; rows--) {
    await page.keyboard.press("j");
    await expect(focused).toHaveAttribute("href", /\/releases\//);
    if (await link.evaluate((link) => link === document.activeElement)) break;
  }
  await expect(link).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: /^pricing/ })).toBeVisible();
  await page.keyboard.press("r");
  const dialog = page.getByRole("dialog", { name: /^Roll back pricing to/ });
  const reason = dialog.getByLabel("In your words");
  await expect(reason).toBeVisible();
  await tabTo(page, reason);
  await page.keyboard.type("Typed, not clicked");
  await tabTo(page, dialog.getByRole("button", { name: /^Roll back pricing to/ }));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "State: Rolled back" })).toBeVisible();
  expect((await decisions(demo, id)).filter((one) => one.action === "rollback")).toMatchObject([{ reason: "Typed, not clicked", outcome: "accepted" }]);
});

test("a dialog gives the focus back, and single keys can be switched off", async ({ page, demo }) => {
  await signIn(page, demo);
  const { id } = await fresh(page, demo, "pricing");
  await page.goto(`${demo.url}/releases/${id}`);
  await alive(page);
  const hold = page.getByRole("main").getByRole("link", { name: "Hold", exact: true });
  await hold.focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog", { name: "Hold pricing" }).getByLabel("In your words")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(hold).toBeFocused();
  await page.keyboard.press("?");
  await page.getByLabel("Single keys act on this device").uncheck();
  await page.keyboard.press("Escape");
  await page.keyboard.press("r");
  await page.reload();
  await alive(page);
  await page.keyboard.press("r");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  expect((await release(demo, id)).state).toBe("running");
});

/** Goes on with the tabulator until this has the focus. */
async function tabTo(page: Page, target: ReturnType<Page["locator"]>) {
  for (let steps = 0; steps < 30; steps++) {
    if (await target.evaluate((target) => target === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  await expect(target).toBeFocused();
}
