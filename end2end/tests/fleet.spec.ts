// Five services go back together, one step fails, a person resolves it in the browser: real HAProxy, a real deployer, the
// real program.
import type { Page } from "@playwright/test";
import { alive, confirm, enter, expect } from "../support/browser";
import { SERVICES, test, type Fleet } from "../support/fleet";
import { build, founded, MAYA, send } from "../support/founder";

const [before, after] = [build("1.41.3", "a"), build("1.42.0", "b")];

/** Who comes before whom when everything is deployed; the other way round when it goes back. */
const ORDER = [["cache", "auth"], ["cache", "cart"], ["storage", "cart"], ["auth", "shop"], ["cart", "shop"]];

/** Takes from the depot what it did since: the services in order. Each once, and all in this version. */
function deployed(fleet: Fleet, version: string): string[] {
  const lines = fleet.depot.done.splice(0);
  expect(lines.toSorted()).toEqual(SERVICES.map((service) => `${service} ${version}`).toSorted());
  return lines.map((line) => line.split(" ")[0]);
}

/** A release of all five with half of the traffic on the candidates. */
async function started(page: Page, fleet: Fleet): Promise<string> {
  const others = SERVICES.filter((service) => service !== "shop");
  const components = others.map((service) => ({ service, baseline: before, candidate: after }));
  const asked = { service: "shop", plan: "halves", baseline: before, candidate: after, components, reason: "A new shop" };
  const { release } = await send(page, fleet, "/releases", asked);
  await send(page, fleet, `/releases/${release.id}/actions/start`, { reason: "As planned", expected_version: release.version });
  await expect.poll(async () => Math.min(...(await fleet.candidates()))).toBeGreaterThan(0);
  return release.id;
}

test("five services are deployed in order of need and go back in reverse; the step that fails is shown, and a person has it tried again", async ({ page, fleet }) => {
  await founded(page, fleet);
  await enter(page, fleet.url, MAYA);
  const id = await started(page, fleet);
  const there = deployed(fleet, "1.42.0");
  for (const [first, then] of ORDER) expect(there.indexOf(first), there.join(", ")).toBeLessThan(there.indexOf(then));
  fleet.depot.broken.add("storage");

  await page.goto(`${fleet.url}/releases/${id}`);
  await alive(page);
  await page.getByRole("main").getByRole("link", { name: "Roll back", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Roll back shop to 1.41.3" });
  await dialog.getByLabel("In your words").fill("Customers cannot pay");
  await confirm(page, "Roll back shop to 1.41.3");

  const panel = page.getByRole("region", { name: "Way back, step by step" });
  await expect(panel).toContainText("3 of 5 back");
  await expect(panel.getByRole("heading", { name: /storage/ })).toBeVisible();
  await expect(panel).toContainText("the volume is read-only");
  await expect(page.getByRole("heading", { name: "State: Rolling back" })).toBeVisible();
  for (const choice of ["Try again", "Go on without it", "Undo what was done", "Call somebody"]) {
    await expect(panel.getByRole("button", { name: choice })).toBeVisible();
  }
  expect(fleet.depot.done.filter((line) => line.startsWith("storage"))).toEqual([]);

  fleet.depot.broken.clear();
  await panel.getByLabel("Why").fill("The volume is writable again");
  await panel.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("heading", { name: "State: Rolled back" })).toBeVisible();

  expect(await fleet.candidates()).toEqual([0, 0, 0, 0, 0]);
  const back = deployed(fleet, "1.41.3");
  for (const [then, first] of ORDER) expect(back.indexOf(first), back.join(", ")).toBeLessThan(back.indexOf(then));
  const { items } = await (await page.request.get(`${fleet.url}/api/v1/decisions?release=${id}`)).json();
  const steered = items.filter((one: { action: string }) => one.action === "steer");
  expect(steered).toMatchObject([{ actor: "Maya Ortiz", outcome: "accepted", reason: "The volume is writable again" }]);
});
