// The real binary by itself, as somebody starts it for the first time: no demo, an empty database, one administrator.
import type { Page } from "@playwright/test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test as base } from "./browser";
import { freePort, Program, STERNWAY } from "./program";

export class Sternway {
  private program?: Program;

  private constructor(
    private readonly folder: string,
    readonly port: number,
    private readonly more: Record<string, string>,
  ) {}

  /** `more`: settings beside the usual. */
  static async first(more: Record<string, string> = {}): Promise<Sternway> {
    const sternway = new Sternway(mkdtempSync(join(tmpdir(), "sternway-alone-")), await freePort(), more);
    await sternway.start();
    return sternway;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts it, or starts it again with the database of before. */
  async start() {
    const flags = {
      listen: `127.0.0.1:${this.port}`,
      database: `sqlite:${join(this.folder, "sternway.db")}`,
      "emergency-services": join(this.folder, "emergency.json"),
      "log-filter": "warn",
      ...this.more,
    };
    const settings = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
    this.program = await Program.start(STERNWAY, ["serve", ...settings], /listens on \S+\n/);
  }

  /** Without warning. */
  async kill() {
    await this.program?.end("SIGKILL");
  }

  /** Makes the first administrator by the one-time link, and is signed in as them. */
  async signIn(page: Page) {
    await page.goto(await this.link());
    await page.getByLabel("Name").fill("Robin Adler");
    await page.getByLabel("E-mail").fill("robin@example.com");
    await page.getByLabel("Password").fill("a long enough sentence");
    await page.getByRole("button", { name: "Make the account and sign in" }).click();
    await expect(page).toHaveURL(`${this.url}/`);
  }

  async link(): Promise<string> {
    return this.program!.hear(/here, once: (\S+)\n/);
  }

  async end() {
    await this.program?.end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export const test = base.extend<{ sternway: Sternway }>({
  sternway: async ({ context }, use) => {
    const sternway = await Sternway.first();
    try {
      await use(sternway);
    } finally {
      // Nobody is left to complain that it is gone.
      await Promise.all(context.pages().map((page) => page.close()));
      await sternway.end();
    }
  },
});
