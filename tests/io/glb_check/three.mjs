// Loads a file with three.js in headless Chromium and prints what it finds there as JSON.
// Usage: node three.mjs CHROMIUM FILE TIMES [PICTURE.png]: a .glb or .fbx, seconds such as 0,0.5,1
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const [executablePath, file, times, picture] = process.argv.slice(2);
const folder = dirname(fileURLToPath(import.meta.url));
const types = { html: "text/html", js: "text/javascript", mjs: "text/javascript" };

const server = createServer(async (request, response) => {
  const path = normalize(new URL(request.url, "http://localhost").pathname);
  try {
    const body = await readFile(path === "/motion" ? file : join(folder, path));
    const type = types[path.split(".").pop()] ?? "application/octet-stream";
    response.writeHead(200, { "Content-Type": type }).end(body);
  } catch {
    response.writeHead(path === "/favicon.ico" ? 204 : 404).end();
  }
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));

const browser = await chromium.launch({
  executablePath,
  headless: true,
  args: [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
  ],
});
try {
  const page = await browser.newPage({ viewport: { width: 480, height: 480 } });
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    // The software renderer says that reading pixels is slow; that is no fault of the file.
    const own = !message.text().includes("GPU stall");
    if (own && ["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  await page.goto(`http://127.0.0.1:${server.address().port}/page.html?${extname(file).slice(1)}`);
  await page.waitForFunction("window.inspect", null, { timeout: 30000 });
  const found = await page.evaluate((list) => window.inspect(list), times.split(",").map(Number));
  if (picture) await page.screenshot({ path: picture });
  console.log(JSON.stringify({ ...found, complaints }));
} finally {
  await browser.close();
  server.close();
}
