// A service as it runs: instances that count what they answer, clients that ask at a steady pace, HAProxy between them, and
// Sternway beside.
import { writeFileSync } from "node:fs";
import { Agent, createServer, get, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { join } from "node:path";
import { eventually, Program, STERNWAY } from "./program";

/** Milliseconds between two requests of the clients. */
const PACE = 10;
/** Upper bounds of the latency buckets, seconds. */
const BOUNDS = [0.005, 0.025, 0.1, 0.5, 2.5];

/** One instance: answers with its name and shows what it counted at `/metrics`. */
export class Instance {
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
export class Clients {
  /** Requests so far by who answered; a request without an answer is nobody's. */
  readonly answers = new Map<string, number>();
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 8 });
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly port: number, pace = PACE) {
    this.timer = setInterval(() => this.ask(), pace);
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

export type Backend = { name: string; port: number; servers: { name: string; address: string; weight: number }[] };

/** A real HAProxy with a port for each backend; its runtime socket is `admin.sock` in the folder. */
export async function haproxyBefore(folder: string, backends: Backend[]): Promise<Program> {
  const socket = join(folder, "admin.sock");
  const lines = backends.flatMap(({ name, port, servers }) => [
    `frontend ${name}-front`,
    `  bind 127.0.0.1:${port}`,
    `  default_backend ${name}`,
    `backend ${name}`,
    "  balance roundrobin",
    ...servers.map((server) => `  server ${server.name} ${server.address} weight ${server.weight}`),
  ]);
  const timeouts = ["  timeout connect 1s", "  timeout client 10s", "  timeout server 10s"];
  const head = ["global", `  stats socket ${socket} mode 600 level admin`, "defaults", "  mode http", ...timeouts];
  writeFileSync(join(folder, "haproxy.cfg"), [...head, ...lines, ""].join("\n"));
  const haproxy = await Program.start("haproxy", ["-db", "-f", join(folder, "haproxy.cfg")]);
  await eventually("HAProxy answers", () => ask(socket, "show info").catch(() => undefined));
  return haproxy;
}

/** The real Sternway with a database in the folder, as yet without anybody. */
export async function sternwayBeside(folder: string): Promise<Program> {
  const flags = {
    listen: "127.0.0.1:0",
    database: `sqlite:${join(folder, "sternway.db")}`,
    "outbound-allow": "127.0.0.0/8",
    "engine-poll": "250ms",
    "emergency-services": join(folder, "emergency.json"),
    "log-filter": "warn",
  };
  const settings = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
  return Program.start(STERNWAY, ["serve", ...settings], /here, once: \S+\n/);
}

/** The weight HAProxy says a server of a backend has, asked over its runtime socket by two commands until they agree: it
 * may be changed in between. */
export async function weightOf(socket: string, backend: string, server: string): Promise<number> {
  return eventually(`one weight of ${server}`, async () => {
    const short = /^(\d+) /.exec(await ask(socket, `get weight ${backend}/${server}`))?.[1];
    const lines = (await ask(socket, `show servers state ${backend}`)).split("\n").map((line) => line.split(" "));
    const names = lines.find((line) => line[0] === "#")?.slice(1) ?? [];
    const long = lines.find((line) => line[names.indexOf("srv_name")] === server)?.[names.indexOf("srv_uweight")];
    return short !== undefined && short === long ? Number(short) : undefined;
  });
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
