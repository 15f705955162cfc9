// The first path without scripts, and what somebody may not do.
import { confirm } from "../support/browser";
import { api, expect, type Release, signIn, test } from "../support/demo";

async function running(demo: Parameters<typeof api>[0], service: string): Promise<Release> {
  const answer = await api(demo, "viewer", `/releases?service=${service}`);
  const page = (await answer.json()) as { items: Release[] };
  return page.items[0];
}

test("without scripts: roll back with a reason and find the decision @no-scripts", async ({ page, demo }) => {
  await signIn(page, demo);
  const before = await running(demo, "checkout");
  await page.goto(`${demo.url}/releases/${before.id}/act/rollback`);
  await page.getByLabel(/in your words/i).fill("Customers report errors at the till");
  await confirm(page, /^roll back checkout/i);
  await expect.poll(async () => (await running(demo, "checkout")).state).toBe("rolled_back");
  await page.goto(`${demo.url}/decisions?act=rollback`);
  await expect(page.getByText("Customers report errors at the till").first()).toBeVisible();
});

test("a viewer is refused, and the refusal is in the log", async ({ demo }) => {
  const release = await running(demo, "search");
  const body = JSON.stringify({ reason: "I should not be able to", expected_version: release.version });
  const headers = { "idempotency-key": "viewer-tries" };
  const answer = await api(demo, "viewer", `/releases/${release.id}/actions/hold`, { method: "POST", body, headers });
  expect(answer.status).toBe(403);
  expect(answer.headers.get("content-type")).toContain("application/problem+json");
  const log = await (await api(demo, "auditor", `/decisions?release=${release.id}`)).json();
  expect(JSON.stringify(log)).toContain("I should not be able to");
});

test("without scripts: sign in, read the board, hold with a reason @no-scripts", async ({ page, demo }) => {
  await signIn(page, demo);
  const release = await running(demo, "search");
  await expect(page.getByRole("link", { name: "search" }).first()).toBeVisible();
  await page.goto(`${demo.url}/releases/${release.id}/act/hold`);
  await page.getByLabel(/in your words/i).fill("Looking into a signal");
  await confirm(page, /^hold search/i);
  await page.goto(`${demo.url}/decisions?act=hold`);
  await expect(page.getByText("Looking into a signal").first()).toBeVisible();
});
