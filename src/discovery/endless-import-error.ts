/** A module whose code didn't come to an end when it was imported, and was cut off. */

export class EndlessImportError extends Error {
  /** Absolute path of the module itself, not of the task that imports it. */
  readonly file: string;

  constructor(file: string) {
    super(`the import of ${file} held up everything`);
    this.name = "EndlessImportError";
    this.file = file;
  }
}
