// Five services that need each other, each behind a backend of a real HAProxy with clients in front, the program that
// deploys them and counts what it really did, and the real Sternway beside.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base } from "./browser";
import { freePort, type Program } from "./program";
import { Clients, haproxyBefore, Instance, sternwayBeside, weightOf } from "./service";

/** Who needs whom, in order of need. */
const NEEDS: Record<string, string[]> = {
  storage: [],
  cache: [],
  auth: ["cache"],
  cart: ["storage", "cache"],
  shop: ["auth", "cart"],
};
export const SERVICES = Object.keys(NEEDS);

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/** What deploys: one URL that takes orders and questions, and does each key once. */
export class Depot {
  /** What was really done, in order: `cart 1.41.3`. */
  readonly done: string[] = [];
  /** Orders for these fail. */
  readonly broken = new Set<string>();
  private readonly keys = new Set<string>();
  private readonly server: Server;

  constructor() {
    this.server = createServer(async (request, response) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(this.answer(JSON.parse(await read(request)).data)));
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((done) => this.server.listen(0, "127.0.0.1", done));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/deploy`;
  }

  close() {
    this.server.close();
    this.server.closeAllConnections();
  }

  private answer({ ask, service, version, key }: Record<string, string>) {
    if (ask) return { status: this.keys.has(ask) ? "done" : "never", output: "as asked" };
    if (this.broken.has(service)) return { status: "failed", output: "the volume is read-only", again: false };
    if (!this.keys.has(key)) this.done.push(`${service} ${version}`);
    this.keys.add(key);
    return { status: "done", output: `${service} ${version} runs` };
  }
}

async function read(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}

export class Fleet {
  private constructor(
    readonly url: string,
    readonly link: string,
    readonly depot: Depot,
    private readonly folder: string,
    private readonly instances: Instance[],
    private readonly clients: Clients[],
    private readonly programs: Program[],
  ) {}

  static async start(): Promise<Fleet> {
    const folder = mkdtempSync(join(tmpdir(), "sternway-fleet-"));
    writeFileSync(join(folder, "depot.secret"), SECRET, { mode: 0o600 });
    const depot = new Depot();
    const instances = SERVICES.flatMap((service) => [new Instance(`${service}-stable`), new Instance(`${service}-canary`)]);
    await Promise.all([depot, ...instances].map((one) => one.listen()));
    const backends = [];
    for (const name of SERVICES) {
      const own = instances.filter((instance) => instance.name.startsWith(`${name}-`));
      const servers = own.map(({ name, address }) => ({ name, address, weight: name.endsWith("-stable") ? 100 : 0 }));
      backends.push({ name, port: await freePort(), servers });
    }
    const haproxy = await haproxyBefore(folder, backends);
    const sternway = await sternwayBeside(folder);
    const url = await sternway.hear(/Sternway listens on (\S+)\n/);
    const link = await sternway.hear(/here, once: (\S+)\n/);
    const clients = backends.map(({ port }) => new Clients(port, 50));
    return new Fleet(url, link, depot, folder, instances, clients, [sternway, haproxy]);
  }

  /** The five services and a plan whose stages last. */
  documents(): { path: string; text: string }[] {
    const plan = {
      kind: "Plan",
      name: "halves",
      mode: "manual",
      interval: "1s",
      stages: [
        { weight: 50, bake: "1h" },
        { weight: 100, bake: "1h" },
      ],
      guards: [{ metric: "errors" }],
    };
    const services = SERVICES.map((service) => ({ path: `${service}.json`, text: JSON.stringify(this.document(service)) }));
    return [...services, { path: "plan.json", text: JSON.stringify(plan) }];
  }

  /** Weight of each candidate, as HAProxy has it. */
  async candidates(): Promise<number[]> {
    return Promise.all(SERVICES.map((service) => weightOf(join(this.folder, "admin.sock"), service, `${service}-canary`)));
  }

  async end(): Promise<void> {
    this.clients.forEach((clients) => clients.close());
    for (const program of this.programs) await program.end();
    [this.depot, ...this.instances].forEach((one) => one.close());
    rmSync(this.folder, { recursive: true, force: true });
  }

  private document(service: string) {
    const metrics = (arm: string) => {
      const instance = this.instances.find(({ name }) => name === `${service}-${arm}`);
      return `http://${instance?.address}/metrics`;
    };
    const traffic = {
      address: `unix:${join(this.folder, "admin.sock")}`,
      backend: service,
      baseline: [`${service}-stable`],
      canary: [`${service}-canary`],
    };
    return {
      kind: "Service",
      name: service,
      depends_on: NEEDS[service],
      traffic: { haproxy: traffic },
      signals: { scrape: { preset: "http_requests_total", baseline: [metrics("stable")], canary: [metrics("canary")] } },
      deploy: { webhook: { url: this.depot.url, secret: { file: join(this.folder, "depot.secret") } } },
      rollback: {
        drain: "2s",
        probes: [{ name: "answers", ask: { http: { url: metrics("stable") } } }],
        recovery: { steady: "2s", max_age: "10s" },
      },
    };
  }
}

export const test = base.extend<object, { fleet: Fleet }>({
  fleet: [
    async ({}, use) => {
      const fleet = await Fleet.start();
      try {
        await use(fleet);
      } finally {
        await fleet.end();
      }
    },
    { scope: "worker", timeout: 90_000 },
  ],
});
