// Prints vitest's JSON report as one line and ends with the status that CI should have. Plain
// CommonJS: it must also run on the machine's own Node when the installation has failed.
const { readFileSync } = require("node:fs");

const [, , reportFile, status] = process.argv;
const { passed, failed, skipped } = count(readReport(reportFile));
if (passed + failed === 0) console.log("No test has run: the step before them failed, see above.");
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = Number(status) || (failed > 0 || passed === 0 ? 1 : 0);

function readReport(file) {
  const text = readFileSync(file, "utf8");
  return text === "" ? null : JSON.parse(text);
}

function count(report) {
  if (report === null) return { passed: 0, failed: 0, skipped: 0 };
  // A file that can't be loaded has failed without having a failed test.
  const broken = report.testResults.filter(
    (file) =>
      file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}
