// What a page shows when there is nothing, when it is not there, and to who may not; and that complaints are heard.
import { alive, confirm, enter, expect, forget, open } from "../support/browser";
import { test as alone } from "../support/alone";
import { decisions, fresh, release, signIn, test } from "../support/demo";

test("a filter that finds nothing says so, and leads back", async ({ page, demo }) => {
  await signIn(page, demo);
  await alive(page);
  await page.keyboard.press("/");
  await expect(page.getByRole("searchbox")).toBeFocused();
  await page.keyboard.type("nothing is called so");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\?q=nothing/);
  await expect(page.getByRole("table")).toHaveCount(0);
  await expect(page.getByRole("main")).toContainText("No release");
  await page.getByRole("main").getByRole("link", { name: "Show all" }).click();
  await expect(page.getByRole("table")).toBeVisible();
});

test("a filter of decisions is in the address and keeps what fits", async ({ page, demo }) => {
  await signIn(page, demo);
  await open(page, `${demo.url}/decisions`);
  await page.getByLabel("Release or service").fill("payments");
  await page.getByRole("button", { name: "Show" }).click();
  await expect(page).toHaveURL(/release=payments/);
  const rows = page.getByRole("row").filter({ has: page.getByRole("link") });
  await expect(rows.first()).toContainText("payments");
  await expect(rows.filter({ hasNotText: "payments" })).toHaveCount(0);
  await page.getByLabel("Release or service").fill("nothing-is-called-so");
  await page.getByRole("button", { name: "Show" }).click();
  await expect(rows).toHaveCount(0);
  await expect(page.getByRole("main")).toContainText("No decision");
});

test.describe("an address that leads nowhere", () => {
  test.use({ provoked: /status of 404/ });

  for (const place of ["/nothing/here", "/releases/01a1fd0e-0000-7be3-9ebb-77278e9db828", "/services/nobody", "/runbooks/nobody"]) {
    test(`is said on a page with the way back: ${place}`, async ({ page, demo }) => {
      await signIn(page, demo);
      const answer = await page.goto(demo.url + place);
      expect(answer?.status()).toBe(404);
      await alive(page);
      await expect(page.getByText("Nothing here").first()).toBeVisible();
      await page.getByRole("link", { name: "Back to the releases" }).click();
      await expect(page.getByRole("heading", { name: "Releases" })).toBeVisible();
    });
  }
});

test("who may only look is offered no acts that work, and is told why", async ({ page, demo }) => {
  await signIn(page, demo);
  const { id } = await fresh(page, demo, "payments");
  await forget(page);
  await signIn(page, demo, "viewer");
  await alive(page);
  await expect(page.getByRole("link", { name: "New release" })).toHaveCount(0);
  await open(page, `${demo.url}/releases/${id}`);
  for (const name of ["Hold", "Roll back", "Promote"]) {
    const act = page.getByRole("main").getByRole("link", { name: new RegExp(`^${name}`) }).filter({ visible: true });
    await expect(act).toHaveAttribute("aria-disabled", "true");
    await expect(act).toContainText("viewer");
  }
  await page.keyboard.press("r");
  const dialog = page.getByRole("dialog", { name: /^Roll back payments/ });
  await expect(dialog.getByRole("region", { name: "Not now" })).toContainText("viewer");
  await expect(dialog.getByRole("button", { name: /^Roll back payments/ })).toHaveCount(0);
  await open(page, `${demo.url}/releases/new`);
  await expect(page.getByText("You may watch, not start")).toBeVisible();
  expect(await release(demo, id)).toMatchObject({ state: "running" });
  expect((await decisions(demo, id)).filter((one) => one.action === "rollback")).toEqual([]);
});

test.describe("a wrong password", () => {
  test.use({ provoked: /status of 401/ });

  test("is told beside the field, and the right one opens the door to where one wanted to go", async ({ page, demo }) => {
    await page.goto(`${demo.url}/decisions?act=start`);
    await expect(page).toHaveURL(/\/signin\?next=/);
    await page.getByLabel("E-mail").fill(demo.as("auditor").login);
    await page.getByLabel("Password").fill("certainly-not-this");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await expect(page.getByRole("alert")).toContainText("You are not signed in.");
    await expect(page.getByLabel("E-mail")).toHaveValue(demo.as("auditor").login);
    await page.getByLabel("Password").fill(demo.as("auditor").password);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await expect(page).toHaveURL(`${demo.url}/decisions?act=start`);
    await expect(page.getByRole("table", { name: "Decisions, newest first" })).toBeVisible();
  });
});

test("a release is made by the form: previewed first, then started", async ({ page, demo }) => {
  await signIn(page, demo);
  const { id } = await fresh(page, demo, "payments");
  await open(page, `${demo.url}/releases/${id}/act/rollback`);
  await page.getByLabel("Wrong build").check();
  await confirm(page, /^Roll back payments/);
  await expect(page.getByRole("heading", { name: "State: Rolled back" })).toBeVisible();

  await open(page, `${demo.url}/releases/new?service=payments`);
  await page.getByLabel("Version").fill("9.9.9");
  await page.getByLabel("Digest of the candidate").fill(`sha256:${"c".repeat(64)}`);
  await page.getByLabel("Plan").first().selectOption("demo-automatic");
  await page.getByLabel("Why this release").fill("Made by hand");
  await page.getByRole("button", { name: "Show what would happen" }).first().click();
  const preview = page.getByRole("region", { name: "What would happen" });
  await expect(preview).toContainText("50 %");
  await expect(page.getByLabel("Why this release")).toHaveValue("Made by hand");
  await page.getByRole("button", { name: "Make the release" }).first().click();
  await expect(page.getByRole("heading", { level: 1, name: /payments .* to 9\.9\.9/ })).toBeVisible();
  await alive(page);
  await page.getByRole("main").getByRole("link", { name: "Start", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Start payments 9.9.9" });
  await dialog.getByRole("button", { name: "Start payments 9.9.9" }).click();
  await expect(dialog.getByLabel("In your words")).toBeFocused();
  await dialog.getByLabel("As planned").check();
  await confirm(page, /^Start payments 9\.9\.9/);
  await expect(page.getByText(/^Confirmed by the proxy/)).toBeVisible();
});

alone("the first start: an empty board says what to do, and the one-time link works once", async ({ page, sternway }) => {
  const link = await sternway.link();
  await sternway.signIn(page);
  await alive(page);
  await expect(page.getByRole("main")).toContainText("No release");
  await page.goto(link);
  await expect(page.getByText("This link is used or over")).toBeVisible();
  await forget(page);
  await enter(page, sternway.url, { login: "robin@example.com", password: "a long enough sentence" });
});

test.describe("complaints of the browser are heard", () => {
  // Each of them fails a test that does not expect it.
  test.use({ provoked: /spoken aloud|thrown about|Content Security Policy|status of 404/ });

  test("of the console, of scripts, of the policy, of the network", async ({ page, context, demo, errors }) => {
    await signIn(page, demo);
    const other = await context.newPage();
    await other.goto(`${demo.url}/services`);
    await other.evaluate(() => {
      console.error("spoken aloud");
      setTimeout(() => {
        throw new Error("thrown about");
      });
      document.body.setAttribute("style", "color: red");
      void fetch("/assets/nothing.js");
    });
    for (const heard of [/spoken aloud/, /thrown about/, /Content Security Policy/, /status of 404/]) {
      await expect.poll(() => errors.filter((text) => heard.test(text)).length, { message: String(heard) }).toBe(1);
    }
  });
});

test.describe("a session that is over", () => {
  test.use({ provoked: /status of 401/ });

  test("is said on the page that is open, with the way to the door", async ({ page, demo }) => {
    await signIn(page, demo, "auditor");
    await alive(page);
    // In another tab.
    await page.request.post(`${demo.url}/signout`);
    await expect(page.getByText("You are not signed in").first()).toBeVisible();
    await expect(page.getByRole("main").getByRole("link", { name: /sign in/i })).toBeVisible();
  });
});
