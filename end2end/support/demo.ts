// The real binary with the demo's world, once per worker, on a free port and in a folder of its own.
import type { Page } from "@playwright/test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { enter, expect, test as base } from "./browser";
import { eventually, freePort, Program, STERNWAY } from "./program";

export { expect };

export type Person = { name: string; login: string; role: string; password: string; token: string };
export type Demo = { url: string; people: Person[]; as(role: string): Person };
export type Release = { id: string; service: string; state: string; version: number; confirmed: boolean; verdict: string | null };
export type Decision = { id: string; leaf_index: number; action: string; actor: string; outcome: string; reason: string; evidence: string | null };

export const test = base.extend<object, { demo: Demo }>({
  demo: [
    async ({}, use) => {
      const folder = mkdtempSync(join(tmpdir(), "sternway-e2e-"));
      const args = ["demo", "--listen", `127.0.0.1:${await freePort()}`, "--data", folder];
      const program = await Program.start(STERNWAY, args, /Ctrl-C ends it\./);
      try {
        const told = JSON.parse(readFileSync(join(folder, "demo.json"), "utf8")) as Demo;
        const as = (role: string) => {
          const person = told.people.find((one) => one.role === role);
          if (!person) throw new Error(`nobody is ${role}`);
          return person;
        };
        await use({ ...told, as });
      } finally {
        await program.end();
        rmSync(folder, { recursive: true, force: true });
      }
    },
    { scope: "worker", timeout: 90_000 },
  ],
});

export async function signIn(page: Page, demo: Demo, role = "release_manager") {
  await enter(page, demo.url, demo.as(role));
}

/** One call of the API as a person. */
export async function api(demo: Demo, role: string, path: string, init: RequestInit = {}) {
  const headers = { authorization: `Bearer ${demo.as(role).token}`, "content-type": "application/json", ...init.headers };
  return fetch(`${demo.url}/api/v1${path}`, { ...init, headers });
}

async function json<T>(demo: Demo, path: string): Promise<T> {
  const answer = await api(demo, "auditor", path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** A release as it is now. */
export async function release(demo: Demo, id: string): Promise<Release> {
  return json(demo, `/releases/${id}`);
}

/** What was decided about a release, newest first. */
export async function decisions(demo: Demo, id: string): Promise<Decision[]> {
  return (await json<{ items: Decision[] }>(demo, `/decisions?release=${id}`)).items;
}

/** One act through the API by the person with this role. */
export async function act(demo: Demo, id: string, verb: string, reason: string, role = "release_manager", more = {}) {
  const { version } = await release(demo, id);
  const body = JSON.stringify({ reason, expected_version: version, ...more });
  const headers = { "idempotency-key": crypto.randomUUID() };
  const answer = await api(demo, role, `/releases/${id}/actions/${verb}`, { method: "POST", body, headers });
  // A verdict may have come between: then look again.
  if (answer.status === 409 && (await release(demo, id)).version !== version) {
    return act(demo, id, verb, reason, role, more);
  }
  if (!answer.ok) throw new Error(`${verb}: ${answer.status} ${await answer.text()}`);
}

/** A new release of a service, in its first stage with traffic confirmed and a first verdict, so that it stands still
 * for a while. Whatever ran before is rolled back. */
export async function fresh(page: Page, demo: Demo, service: string): Promise<Release> {
  const { items } = await json<{ items: Release[] }>(demo, `/releases?service=${service}&active=true`);
  // On a machine that is busy with other things the old version's instances are full as well: it goes back all the same.
  const anyway = { override_capacity: true };
  for (const { id, state } of items) {
    if (state !== "rolling_back") await act(demo, id, "rollback", "Making room for a test", "release_manager", anyway);
    await eventually(`${service} rolled back`, async () => (await release(demo, id)).state === "rolled_back" || undefined);
  }
  const started = await page.request.post(`${demo.url}/demo/release`, { form: { service } });
  const id = /\/releases\/([^/?]+)/.exec(started.url())?.[1];
  if (!id) throw new Error(`${service}: ${started.status()} ${await started.text()}`);
  return eventually(`${service} at the first stage`, async () => {
    const now = await release(demo, id);
    return now.state === "running" && now.confirmed && now.verdict ? now : undefined;
  });
}
