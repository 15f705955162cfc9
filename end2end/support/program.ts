// Programs of this machine: started, waited for by what they say, ended with the test.
import { spawn, type ChildProcess } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";

/** Sternway as the Rust build left it. */
export const STERNWAY = join(import.meta.dirname ?? "", "../../target/debug/sternway");

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, failed) => server.once("error", failed).listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** Asks until the answer is something; throws with `what` when it takes too long. For what says nothing by itself. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>, within = 30_000): Promise<T> {
  const end = Date.now() + within;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`${what}: not within ${within} ms`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

export class Program {
  private said = "";
  private readonly listeners = new Set<() => void>();

  private constructor(private readonly child: ChildProcess) {
    const hear = (chunk: Buffer) => {
      this.said += chunk.toString();
      this.listeners.forEach((listener) => listener());
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
  }

  /** Resolves when the program runs and has said `ready`; rejects with what it said when it ends before. */
  static async start(path: string, args: string[], ready?: RegExp): Promise<Program> {
    // Where Debian puts what only administrators use to call.
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` };
    const child = spawn(path, args, { stdio: ["ignore", "pipe", "pipe"], env });
    const program = new Program(child);
    const ended = new Promise<never>((_, failed) => {
      child.once("error", (error) => failed(new Error(`${path}: ${error.message}; \`make test-deps\` installs it`)));
      child.once("exit", (code) => failed(new Error(`${path} ended with ${code}:\n${program.said}`)));
    });
    const running = ready ? program.hear(ready) : new Promise((done) => child.once("spawn", done));
    await Promise.race([running, ended]);
    // Whoever waits for nothing any more need not be told.
    ended.catch(() => {});
    return program;
  }

  /** What the program says or has said that matches: the first group, or all of it. */
  hear(pattern: RegExp): Promise<string> {
    return new Promise((done) => {
      const look = () => {
        const found = pattern.exec(this.said);
        if (!found) return;
        this.listeners.delete(look);
        done(found[1] ?? found[0]);
      };
      this.listeners.add(look);
      look();
    });
  }

  /** Ends it in good order, or at once with `SIGKILL`. */
  async end(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((done) => this.child.once("exit", done));
    this.child.kill(signal);
    await ended;
  }
}
