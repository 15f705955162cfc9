// What every test of a page has: nothing the browser complains about goes unheard.
import { test as base, expect, type BrowserContext, type Page } from "@playwright/test";

export { expect };

type Heard = {
  /** Complaints of the browser that this test provokes; everything else fails it. */
  provoked: RegExp | undefined;
  /** Complaints so far: errors and warnings of the console, which those of the content security policy are too, and
   * errors of scripts, from every tab. */
  errors: string[];
};

/** Complaints of each context that is open, so that helpers can take back what they expected. */
const heard = new WeakMap<BrowserContext, string[]>();

export const test = base.extend<Heard>({
  provoked: [undefined, { option: true }],
  errors: [
    async ({ context, provoked, javaScriptEnabled }, use) => {
      // What scripts would use is fetched early, and without them it stays unused.
      const unused = javaScriptEnabled === false ? /was preloaded using link preload but not used/ : undefined;
      const errors: string[] = [];
      heard.set(context, errors);
      context.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) errors.push(`${message.text()} at ${message.location().url}`);
      });
      context.on("weberror", (error) => errors.push(String(error.error())));
      await use(errors);
      expect(errors.filter((text) => !provoked?.test(text) && !unused?.test(text))).toEqual([]);
    },
    { auto: true },
  ],
});

/** The browser's words for a page that came with this status. */
export const status = (code: number) => new RegExp(`^Failed to load resource: the server responded with a status of ${code} `);

/** Signs in by the form. */
export async function enter(page: Page, url: string, person: { login: string; password: string }) {
  await page.goto(`${url}/signin`);
  await page.getByLabel("E-mail").fill(person.login);
  await page.getByLabel("Password").fill(person.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page).toHaveURL(`${url}/`);
}

/** Forgets who is signed in. Off the page first: an open one would notice that its session is gone, and so would one
 * that opens its stream only now. */
export async function forget(page: Page) {
  await page.goto("about:blank");
  await page.context().clearCookies();
}

/** The page's scripts run and the stream of events is open. */
export async function alive(page: Page) {
  await expect(page.locator("html[data-hydrated]")).toBeAttached();
  await expect(page.getByText(/^Live, /)).toBeVisible();
}

/** Opens an address and waits until it is alive. */
export async function open(page: Page, address: string) {
  await page.goto(address);
  await alive(page);
}

/** Confirms an act in its dialog or on its page. The release may have moved meanwhile: then the page says so and asks
 * again, and so does this. */
export async function confirm(page: Page, name: string | RegExp) {
  const button = page.getByRole("button", { name });
  const changed = page.getByText("The release changed while this was open");
  for (let tries = 0; tries < 5; tries++) {
    const here = page.url();
    const asked = page.waitForURL((url) => url.searchParams.has("done") && url.href !== here).then(() => true);
    await button.click();
    const again = changed.waitFor().then(() => false);
    if (await Promise.race([asked, again])) return;
    // The answer that asks again came with this status.
    const errors = heard.get(page.context()) ?? [];
    const at = errors.findIndex((text) => status(409).test(text));
    if (at >= 0) errors.splice(at, 1);
  }
  throw new Error(`${name}: the release never stood still`);
}
