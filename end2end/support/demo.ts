// The real binary with the demo's world, once per worker, on a free port and in a folder of its own.
import { test as base, expect, type Page } from "@playwright/test";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type Person = { name: string; login: string; role: string; password: string; token: string };
export type Demo = { url: string; people: Person[]; as(role: string): Person };

const BINARY = join(import.meta.dirname ?? "", "../../target/debug/sternway");

async function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (address && typeof address === "object" ? done(address.port) : failed(new Error("no port"))));
    });
  });
}

/** Resolves when the demo has said where it runs; rejects with what it said when it ends before. */
function running(child: ChildProcess): Promise<void> {
  return new Promise((done, failed) => {
    let said = "";
    const hear = (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("Ctrl-C ends it.")) done();
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.once("exit", (code) => failed(new Error(`sternway ended with ${code}:\n${said}`)));
  });
}

export const test = base.extend<{ errors: string[] }, { demo: Demo }>({
  demo: [
    async ({}, use) => {
      const folder = mkdtempSync(join(tmpdir(), "sternway-e2e-"));
      const port = await freePort();
      const child = spawn(BINARY, ["demo", "--listen", `127.0.0.1:${port}`, "--data", folder]);
      try {
        await running(child);
        const told = JSON.parse(readFileSync(join(folder, "demo.json"), "utf8")) as Demo;
        const as = (role: string) => {
          const person = told.people.find((one) => one.role === role);
          if (!person) throw new Error(`nobody is ${role}`);
          return person;
        };
        await use({ ...told, as });
      } finally {
        const ended = new Promise((done) => child.once("exit", done));
        child.kill("SIGTERM");
        await ended;
        rmSync(folder, { recursive: true, force: true });
      }
    },
    { scope: "worker", timeout: 90_000 },
  ],
  // Anything the browser complains about fails the test.
  errors: [
    async ({ page }, use) => {
      const errors: string[] = [];
      page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
      page.on("pageerror", (error) => errors.push(String(error)));
      await use(errors);
      expect(errors.filter((text) => !text.includes("status of 4"))).toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

export async function signIn(page: Page, demo: Demo, role = "release_manager") {
  const person = demo.as(role);
  await page.goto(`${demo.url}/signin`);
  await page.getByLabel(/e-mail/i).first().fill(person.login);
  await page.getByLabel(/password/i).first().fill(person.password);
  await page.getByRole("button", { name: /^sign in$/i }).click();
  await expect(page).toHaveURL(`${demo.url}/`);
}

/** One call of the API as a person. */
export async function api(demo: Demo, role: string, path: string, init: RequestInit = {}) {
  const headers = { authorization: `Bearer ${demo.as(role).token}`, "content-type": "application/json", ...init.headers };
  return fetch(`${demo.url}/api/v1${path}`, { ...init, headers });
}
