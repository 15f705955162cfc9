// An empty Sternway becomes one that is in use: its first administrator, its documents, and Maya, who releases.
import type { Page } from "@playwright/test";
import { alive, expect, forget } from "./browser";

export const MAYA = { name: "Maya Ortiz", login: "maya@example.com", role: "release_manager", password: "a long enough sentence" };

/** Where it is, and what it starts with. */
export type Founding = {
  readonly url: string;
  /** The one-time link that makes the first admin. */
  readonly link: string;
  documents(): { path: string; text: string }[];
};

/** A build by version; the digit makes its digest. */
export const build = (version: string, digit: string) => ({ version, digest: `sha256:${digit.repeat(64)}` });

/** What somebody sends who is signed in on this page. */
export async function send(page: Page, { url }: { readonly url: string }, path: string, data: object) {
  const headers = { "idempotency-key": crypto.randomUUID() };
  const answer = await page.request.post(`${url}/api/v1${path}`, { data, headers });
  expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true);
  return answer.json();
}

/** The first administrator comes by the one-time link, applies the documents and makes an account for Maya. */
export async function founded(page: Page, place: Founding) {
  await page.goto(place.link);
  await page.getByLabel("Name").fill("Robin Adler");
  await page.getByLabel("E-mail").fill("robin@example.com");
  await page.getByLabel("Password").fill("another long sentence");
  await page.getByRole("button", { name: "Make the account and sign in" }).click();
  await expect(page).toHaveURL(`${place.url}/`);
  await alive(page);
  await send(page, place, "/apply", { files: place.documents(), reason: "The first documents" });
  await send(page, place, "/people", MAYA);
  await forget(page);
}
