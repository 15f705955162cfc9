// A web page of somebody else, on an origin of its own, that asks for flags as pages do: OpenFeature's web SDK with the
// OFREP provider, as they come from the registry, in a real browser.
import { createServer, type Server } from "node:http";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";

const MODULES = join(import.meta.dirname ?? "", "../node_modules/@openfeature");
const IMPORTS = {
  "@openfeature/core": "/core/dist/esm/index.js",
  "@openfeature/web-sdk": "/web-sdk/dist/esm/index.js",
  "@openfeature/ofrep-core": "/ofrep-web-provider/node_modules/@openfeature/ofrep-core/index.esm.js",
  "@openfeature/ofrep-web-provider": "/ofrep-web-provider/index.esm.js",
};

/** What the page shows: the value of the flag, and how often it changed. */
const PAGE = `<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,">
<p>New price: <output id="value">unknown</output></p>
<script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>
<script type="module">
import { OpenFeature, ProviderEvents } from "@openfeature/web-sdk";
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";
const { url, token, flag } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
const client = OpenFeature.getClient();
Object.assign(window, { client, flag });
const show = () => {
  document.querySelector("#value").textContent = String(client.getBooleanValue(flag, false));
  window.seenAt = Date.now();
};
client.addHandler(ProviderEvents.ConfigurationChanged, show);
await OpenFeature.setContext({ targetingKey: "customer-1" });
await OpenFeature.setProviderAndWait(new OFREPWebProvider({ baseUrl: url, headers: [["Authorization", "Bearer " + token]] }));
show();
</script>`;

export class Shop {
  private constructor(private readonly server: Server) {}

  static async open(): Promise<Shop> {
    const server = createServer((request, response) => {
      const path = normalize(new URL(request.url ?? "/", "http://shop").pathname);
      if (path === "/") return void response.setHeader("content-type", "text/html").end(PAGE);
      const known = Object.values(IMPORTS).includes(path);
      if (!known) return void response.writeHead(404).end();
      response.setHeader("content-type", "text/javascript").end(readFileSync(join(MODULES, path)));
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return new Shop(server);
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The page of a customer whose flags come from this Sternway. */
  page(url: string, token: string, flag: string): string {
    return `${this.origin}/#${new URLSearchParams({ url, token, flag })}`;
  }

  async close() {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}
