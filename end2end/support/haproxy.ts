// One service behind a real HAProxy, clients that ask through it, and the real Sternway beside it.
import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base } from "./browser";
import { freePort, type Program } from "./program";
import { Clients, haproxyBefore, Instance, sternwayBeside, weightOf } from "./service";

const STABLE = ["stable-1", "stable-2"];
const CANARY = ["canary-1"];

export class Yard {
  private constructor(
    readonly url: string,
    /** The one-time link that makes the first admin. */
    readonly link: string,
    readonly clients: Clients,
    private readonly folder: string,
    private readonly instances: Instance[],
    private readonly haproxy: Program,
    private readonly sternway: Program,
  ) {}

  static async start(): Promise<Yard> {
    const folder = mkdtempSync(join(tmpdir(), "sternway-yard-"));
    const instances = [...STABLE, ...CANARY].map((name) => new Instance(name));
    await Promise.all(instances.map((instance) => instance.listen()));
    const servers = instances.map(({ name, address }) => ({ name, address, weight: STABLE.includes(name) ? 100 : 0 }));
    const backend = { name: "checkout", port: await freePort(), servers };
    const haproxy = await haproxyBefore(folder, [backend]);
    const sternway = await sternwayBeside(folder);
    const url = await sternway.hear(/Sternway listens on (\S+)\n/);
    return new Yard(url, await sternway.hear(/here, once: (\S+)\n/), new Clients(backend.port), folder, instances, haproxy, sternway);
  }

  /** The documents: the service behind this HAProxy, read from its instances, and a plan whose stages last. */
  documents(): { path: string; text: string }[] {
    const urls = (names: string[]) =>
      this.instances.filter(({ name }) => names.includes(name)).map(({ address }) => `http://${address}/metrics`);
    const service = {
      kind: "Service",
      name: "checkout",
      description: "Turns a basket into a paid order.",
      traffic: { haproxy: { address: `unix:${this.socket}`, backend: "checkout", baseline: STABLE, canary: CANARY } },
      signals: { scrape: { preset: "http_requests_total", baseline: urls(STABLE), canary: urls(CANARY) } },
    };
    const plan = {
      kind: "Plan",
      name: "by-hand",
      mode: "assisted",
      interval: "1s",
      window: "15s",
      max_age: "15s",
      stages: [
        { weight: 25, bake: "20m" },
        { weight: 100, bake: "20m" },
      ],
      min_data: { requests: 30, time: "2s" },
      on_deadline: { after: "1h" },
      guards: [{ metric: "errors", tolerance: { ratio: 2.0, plus: 0.1 } }],
    };
    return [
      { path: "service.json", text: JSON.stringify(service) },
      { path: "plan.json", text: JSON.stringify(plan) },
    ];
  }

  /** The weight a server of the backend has. */
  async weight(server: string): Promise<number> {
    return weightOf(this.hidden ? this.hiddenSocket : this.socket, "checkout", server);
  }

  async canaryWeight(): Promise<number> {
    return this.weight(CANARY[0]);
  }

  /** Answers by canary and baseline so far, as the clients count them. */
  counts(): { stable: number; canary: number; lost: number } {
    return { stable: this.clients.of(STABLE), canary: this.clients.of(CANARY), lost: this.clients.of(["nobody"]) };
  }

  private hidden = false;

  /** Takes the runtime socket away from Sternway; HAProxy goes on serving. */
  hideSocket() {
    renameSync(this.socket, this.hiddenSocket);
    this.hidden = true;
  }

  showSocket() {
    renameSync(this.hiddenSocket, this.socket);
    this.hidden = false;
  }

  async end(): Promise<void> {
    this.clients.close();
    await this.sternway.end();
    await this.haproxy.end();
    this.instances.forEach((instance) => instance.close());
    rmSync(this.folder, { recursive: true, force: true });
  }

  private get socket(): string {
    return join(this.folder, "admin.sock");
  }

  private get hiddenSocket(): string {
    return join(this.folder, "hidden.sock");
  }
}

export const test = base.extend<object, { yard: Yard }>({
  yard: [
    async ({}, use) => {
      const yard = await Yard.start();
      try {
        await use(yard);
      } finally {
        await yard.end();
      }
    },
    { scope: "worker", timeout: 90_000 },
  ],
});
