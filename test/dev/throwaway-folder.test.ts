import { access, constants } from "node:fs/promises";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { throwawayFolder } from "../../src/dev/throwaway-folder.ts";

test("it is in memory if there is room", async () => {
  const folder = import.meta.dirname;
  expect(await throwawayFolder({ inMemory: folder, roomBytes: 1 })).toBe(folder);
});

test("without room, or without such a folder, it is the system's for temporary files", async () => {
  const inMemory = import.meta.dirname;
  expect(await throwawayFolder({ inMemory, roomBytes: 2 ** 60 })).toBe(tmpdir());
  expect(await throwawayFolder({ inMemory: `${inMemory}/none`, roomBytes: 1 })).toBe(tmpdir());
});

test("it can be written to", async () => {
  await expect(access(await throwawayFolder(), constants.W_OK)).resolves.toBeUndefined();
});
