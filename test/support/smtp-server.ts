/**
 * A mail server for tests: speaks as much SMTP as a client needs to hand over one mail, keeps
 * what it got, and answers any command as the test says. No TLS, no AUTH, no extensions.
 */

import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers and body with CRLF, without the dots that SMTP adds. */
  readonly text: string;
}

/** By command in capitals, "." for the end of a mail; null = never answer. */
export type Replies = Readonly<Record<string, string | null>>;

export interface SmtpServer {
  readonly url: string;
  readonly mails: readonly ReceivedMail[];
  /** Every command line that came in, in order. */
  readonly commands: readonly string[];
  /** Resolves when a client has sent this command, now or before. */
  received(command: string): Promise<void>;
  close(): Promise<void>;
}

export async function startSmtpServer(replies: Replies = {}): Promise<SmtpServer> {
  const mails: ReceivedMail[] = [];
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  const waiting: { command: string; resolve: () => void }[] = [];
  const onCommand = (line: string): string | null => {
    commands.push(line);
    const verb = verbOf(line);
    for (const each of waiting) if (each.command === verb) each.resolve();
    return verb in replies ? (replies[verb] ?? null) : (usual[verb] ?? "502 not implemented");
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    // A client that gives up halfway is part of the tests.
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    converse(socket, onCommand, (mail) => mails.push(mail));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // why: a TCP server has no other address
  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    commands,
    received: (command) =>
      commands.some((line) => verbOf(line) === command)
        ? Promise.resolve()
        : new Promise((resolve) => waiting.push({ command, resolve })),
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

const usual: Replies = {
  EHLO: "250 localhost",
  HELO: "250 localhost",
  MAIL: "250 ok",
  RCPT: "250 ok",
  DATA: "354 go on",
  ".": "250 taken",
  RSET: "250 ok",
  QUIT: "221 bye",
};

function converse(
  socket: Socket,
  answerTo: (line: string) => string | null,
  keep: (mail: ReceivedMail) => void,
): void {
  let from = "";
  let to: string[] = [];
  let body: string[] | null = null;
  let rest = "";
  const answer = (line: string): boolean => {
    const reply = answerTo(line);
    if (reply !== null) socket.write(`${reply}\r\n`);
    return reply !== null && reply < "4";
  };
  const take = (line: string): void => {
    if (body !== null && line !== ".") {
      body.push(line.startsWith(".") ? line.slice(1) : line);
    } else if (body !== null) {
      const mail = { from, to, text: body.join("\r\n") };
      body = null;
      if (answer(".")) keep(mail);
    } else if (answer(line)) {
      const address = /<(.*)>/.exec(line)?.[1] ?? "";
      if (verbOf(line) === "MAIL") [from, to] = [address, []];
      if (verbOf(line) === "RCPT") to.push(address);
      if (verbOf(line) === "DATA") body = [];
      if (verbOf(line) === "QUIT") socket.end();
    }
  };
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\r\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line);
  });
  socket.write("220 localhost test\r\n");
}

function verbOf(line: string): string {
  return line.split(" ")[0]?.toUpperCase() ?? "";
}
