// Five services go back together, one step fails, a person resolves it in the browser: real HAProxy, a real deployer, the
// real program.
import type { Page } from "@playwright/test";
import { alive, confirm, enter, expect } from "../support/browser";
import { SERVICES, test, type Fleet } from "../support/fleet";
import { build, founded, MAYA, send } from "../support/founder";

const [before, after] = [build("1.41.3", "a"), build("1.42.0", "b")];

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

test("five services go back in reverse; the step that fails is shown, and a person has it tried again", async ({ page, fleet }) => {
  await founded(page, fleet);
  await enter(page, fleet.url, MAYA);
  const id = await started(page, fleet);
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
  const order = fleet.depot.done.map((line) => line.split(" ")[0]);
  expect(order.toSorted()).toEqual(SERVICES.toSorted());
  expect(order[0]).toBe("shop");
  for (const [first, then] of [["auth", "cache"], ["cart", "storage"], ["cart", "cache"]]) {
    expect(order.indexOf(first), order.join(", ")).toBeLessThan(order.indexOf(then));
  }
  expect(fleet.depot.done.every((line) => line.endsWith("1.41.3"))).toBe(true);
  const { items } = await (await page.request.get(`${fleet.url}/api/v1/decisions?release=${id}`)).json();
  const steered = items.filter((one: { action: string }) => one.action === "steer");
  expect(steered).toMatchObject([{ actor: "Maya Ortiz", outcome: "accepted", reason: "The volume is writable again" }]);
});
