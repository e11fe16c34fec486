// Visit each page of a site as a person would, and print what is wrong: node browser.js ADDRESS SCREENSHOTS PATH…
const { chromium } = require("playwright-core");
const axe = require("axe-core").source;

const [address, screenshots, ...paths] = process.argv.slice(2);
const problems = [];

async function visit(page, path, width, scheme) {
  const where = `${path} ${width} ${scheme}`;
  page.on("request", (request) => request.url().startsWith(address) || problems.push(`${where} asks ${request.url()}`));
  page.on("response", (response) => response.ok() || problems.push(`${where}: ${response.status()} ${response.url()}`));
  await page.goto(address + path);
  await page.screenshot({ path: `${screenshots}/${where.replace(/\W+/g, "-")}.png` });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
  if (overflow) problems.push(`${where} is wider than the screen`);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { runOnly: ["color-contrast", "link-name"] }));
  for (const { nodes } of violations) problems.push(...nodes.map((node) => `${where}: ${node.failureSummary}`));
  await page.keyboard.press("Tab");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  if (outline === "none") problems.push(`${where} does not show where the keyboard is`);
}

async function search(page, text) {
  await page.goto(address);
  await page.keyboard.press("Control+k");
  await page.waitForTimeout(500); // its window opens
  await page.keyboard.type(text, { delay: 30 });
  await page.waitForTimeout(1000); // it searches while one types
  await page.keyboard.press("Enter");
  await page.waitForURL(/\w+\.html/, { timeout: 5000 });
  await page.locator("article").getByText(text).first().waitFor({ timeout: 5000 });
}

(async () => {
  const options = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: options });
  for (const colorScheme of ["light", "dark"])
    for (const width of [390, 1280])
      for (const path of paths) {
        const context = await browser.newContext({ colorScheme, viewport: { width, height: 800 } });
        await visit(await context.newPage(), path, width, colorScheme);
        await context.close();
      }
  await search(await browser.newPage(), "longest_chain").catch((error) => problems.push(`search: ${error}`));
  await browser.close();
  console.log(JSON.stringify(problems));
})();
