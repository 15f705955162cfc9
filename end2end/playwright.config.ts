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
const desk = { viewport: { width: 1440, height: 900 } };
const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  timeout: 120_000,
  expect: { timeout: 20_000 },
  fullyParallel: false,
  workers: 1,
  reporter: [["list"], ["json"]],
  use: { launchOptions, actionTimeout: 20_000, contextOptions: { reducedMotion: "reduce" } },
  projects: [
    { name: "desk", use: desk, grepInvert: /@no-scripts|@phone/ },
    { name: "no-scripts", use: { ...desk, javaScriptEnabled: false }, grep: /@no-scripts/ },
    { name: "phone", use: phone, grep: /@phone/ },
  ],
});
