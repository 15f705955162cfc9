import { defineConfig } from "@playwright/test";

// The Chromium of the system: Playwright's own download is not needed.
const launchOptions = {
  executablePath: "/usr/bin/chromium",
  args: [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  timeout: 90_000,
  expect: { timeout: 20_000 },
  fullyParallel: false,
  workers: 1,
  reporter: [["list"], ["json"]],
  use: { launchOptions },
  projects: [
    { name: "desk", use: { viewport: { width: 1440, height: 900 } }, grepInvert: /@no-scripts/ },
    { name: "no-scripts", use: { viewport: { width: 1440, height: 900 }, javaScriptEnabled: false }, grep: /@no-scripts/ },
  ],
});
