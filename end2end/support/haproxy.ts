// A service as it runs: instances that count what they answer, a real HAProxy in front, clients that ask through it, and
// the real Sternway beside it.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { Agent, createServer, get, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base } from "./browser";
import { eventually, freePort, Program, STERNWAY } from "./program";

const STABLE = ["stable-1", "stable-2"];
const CANARY = ["canary-1"];
/** Milliseconds between two requests of the clients. */
const PACE = 10;
/** Upper bounds of the latency buckets, seconds. */
const BOUNDS = [0.005, 0.025, 0.1, 0.5, 2.5];

/** One instance: answers with its name and shows what it counted at `/metrics`. */
class Instance {
  private answered = 0;
  private seconds = 0;
  private readonly buckets = BOUNDS.map(() => 0);
  private readonly server: Server;

  constructor(readonly name: string) {
    this.server = createServer((request, response) => {
      if (request.url === "/metrics") return void response.end(this.metrics());
      const began = performance.now();
      response.end(this.name, () => this.count((performance.now() - began) / 1000));
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((done) => this.server.listen(0, "127.0.0.1", done));
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close() {
    this.server.close();
    this.server.closeAllConnections();
  }

  private count(took: number) {
    this.answered += 1;
    this.seconds += took;
    BOUNDS.forEach((bound, i) => (this.buckets[i] += took <= bound ? 1 : 0));
  }

  private metrics(): string {
    const bucket = (bound: string | number, count: number) => `http_request_duration_seconds_bucket{le="${bound}"} ${count}`;
    return [
      "# TYPE http_requests_total counter",
      `http_requests_total{code="200"} ${this.answered}`,
      `http_requests_total{code="500"} 0`,
      "# TYPE http_request_duration_seconds histogram",
      ...BOUNDS.map((bound, i) => bucket(bound, this.buckets[i])),
      bucket("+Inf", this.answered),
      `http_request_duration_seconds_sum ${this.seconds}`,
      `http_request_duration_seconds_count ${this.answered}`,
      "",
    ].join("\n");
  }
}

/** Clients that ask through HAProxy at a steady pace, one connection kept per four requests a second. */
class Clients {
  /** Requests so far by who answered; a request without an answer is nobody's. */
  readonly answers = new Map<string, number>();
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 8 });
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly port: number) {
    this.timer = setInterval(() => this.ask(), PACE);
  }

  of(names: string[]): number {
    return names.reduce((sum, name) => sum + (this.answers.get(name) ?? 0), 0);
  }

  close() {
    clearInterval(this.timer);
    this.agent.destroy();
  }

  private ask() {
    const count = (name: string) => this.answers.set(name, (this.answers.get(name) ?? 0) + 1);
    const request = get({ host: "127.0.0.1", port: this.port, agent: this.agent }, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => (body += chunk.toString()));
      response.on("end", () => count(response.statusCode === 200 ? body : "nobody"));
    });
    request.on("error", () => count("nobody"));
  }
}

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
    const front = await freePort();
    const weight = (name: string) => (STABLE.includes(name) ? 100 : 0);
    const servers = instances.map(({ name, address }) => `  server ${name} ${address} weight ${weight(name)}`);
    writeFileSync(
      join(folder, "haproxy.cfg"),
      [
        "global",
        `  stats socket ${folder}/admin.sock mode 600 level admin`,
        "defaults",
        "  mode http",
        "  timeout connect 1s",
        "  timeout client 10s",
        "  timeout server 10s",
        "frontend front",
        `  bind 127.0.0.1:${front}`,
        "  default_backend checkout",
        "backend checkout",
        "  balance roundrobin",
        ...servers,
        "",
      ].join("\n"),
    );
    const haproxy = await Program.start("haproxy", ["-db", "-f", join(folder, "haproxy.cfg")]);
    await eventually("HAProxy answers", () => ask(join(folder, "admin.sock"), "show info").catch(() => undefined));
    const flags = {
      listen: "127.0.0.1:0",
      database: `sqlite:${join(folder, "sternway.db")}`,
      "outbound-allow": "127.0.0.0/8",
      "engine-poll": "250ms",
      "log-filter": "warn",
    };
    const settings = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
    const sternway = await Program.start(STERNWAY, ["serve", ...settings], /here, once: \S+\n/);
    const url = await sternway.hear(/Sternway listens on (\S+)\n/);
    return new Yard(url, await sternway.hear(/here, once: (\S+)\n/), new Clients(front), folder, instances, haproxy, sternway);
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
      guards: [{ metric: "errors", tolerance: { ratio: 2.0, plus: 0.03 } }],
    };
    return [
      { path: "service.json", text: JSON.stringify(service) },
      { path: "plan.json", text: JSON.stringify(plan) },
    ];
  }

  /** The weight HAProxy says a server of the backend has, asked over its runtime socket by two commands that agree. */
  async weight(server: string): Promise<number> {
    const socket = this.hidden ? this.hiddenSocket : this.socket;
    const short = /^(\d+) /.exec(await ask(socket, `get weight checkout/${server}`))?.[1];
    const lines = (await ask(socket, "show servers state checkout")).split("\n").map((line) => line.split(" "));
    const names = lines.find((line) => line[0] === "#")?.slice(1) ?? [];
    const long = lines.find((line) => line[names.indexOf("srv_name")] === server)?.[names.indexOf("srv_uweight")];
    if (short === undefined || short !== long) throw new Error(`HAProxy says ${short} and ${long}`);
    return Number(short);
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

/** The answer to one command. */
function ask(socket: string, command: string): Promise<string> {
  return new Promise((done, failed) => {
    let answer = "";
    const stream = connect(socket, () => stream.write(`${command}\n`));
    stream.on("data", (chunk) => (answer += chunk.toString()));
    stream.once("end", () => done(answer));
    stream.once("error", failed);
  });
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
