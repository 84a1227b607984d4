// grpc-js as the client. See run.py, and client_grpc_core.py for what each
// scenario proves.
"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");
const { parseArgs } = require("node:util");
const grpc = require("@grpc/grpc-js");
const protoLoader = require("@grpc/proto-loader");

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    address: { type: "string" },
    ca: { type: "string" },
    proto: { type: "string" },
  },
});

const definition = grpc.loadPackageDefinition(
  protoLoader.loadSync(
    ["rpc.proto", "health.proto"].map((f) => path.join(options.proto, f)),
    { keepCase: true, enums: String, defaults: true },
  ),
);
const Rpc = definition.anycable.RPC;
const Health = definition.grpc.health.v1.Health;

const ID = '{"channel":"Interop"}';
const SAYS = "Zugriff verweigert: ключ 鍵 🔑 %41";
const MIB_4 = 4 << 20;
const { status } = grpc;

class Client {
  constructor(keepalive) {
    const credentials = options.ca
      ? grpc.credentials.createSsl(fs.readFileSync(options.ca))
      : grpc.credentials.createInsecure();
    // What AnyCable's server does every 10 s, twice a second.
    const channel = keepalive
      ? {
          "grpc.keepalive_time_ms": 500,
          "grpc.keepalive_permit_without_calls": 1,
        }
      : {};
    this.rpc = new Rpc(options.address, credentials, channel);
    this.health = new Health(options.address, credentials, {
      channelOverride: this.rpc.getChannel(),
    });
  }

  // A call, by whatever stub; the promise has the call itself as .call.
  unary(stub, method, request, { seconds = 10, metadata } = {}) {
    let call;
    const promise = new Promise((resolve, reject) => {
      call = stub[method](
        request,
        metadata ?? metadataOf({ protov: "v1", sid: "s1" }),
        { deadline: Date.now() + seconds * 1000 },
        (error, response) => (error ? reject(error) : resolve(response)),
      );
    });
    promise.call = call;
    return promise;
  }

  connect(url, headers = {}) {
    return this.unary(this.rpc, "Connect", { env: { url, headers } });
  }

  say(command, data = "", how = {}) {
    return this.unary(this.rpc, "Command", message(command, data), how);
  }

  // The frame that answers, parsed.
  async ask(command, data = "", how = {}) {
    const response = await this.say(command, data, how);
    assert.equal(response.status, "SUCCESS");
    return JSON.parse(response.transmissions[0]);
  }

  check(service) {
    return this.unary(this.health, "Check", { service });
  }

  watch(service) {
    return this.health.Watch({ service }, { deadline: Date.now() + 10000 });
  }

  async until(counter, moreThan) {
    const until = Date.now() + 10000;
    while ((await this.ask("counters"))[counter] <= moreThan)
      assert(Date.now() < until, `${counter} stays at ${moreThan}`);
  }

  close() {
    this.health.close();
    this.rpc.close();
  }
}

function metadataOf(pairs) {
  const metadata = new grpc.Metadata();
  for (const [key, value] of Object.entries(pairs)) metadata.set(key, value);
  return metadata;
}

// What is undefined is not encoded.
function message(command, data) {
  return {
    command,
    data: data || undefined,
    identifier: ID,
    connection_identifiers: '{"user":"jack"}',
  };
}

function sizeOf(request) {
  return Rpc.service.Command.requestSerialize(request).length;
}

async function fails(code, promise) {
  await assert.rejects(promise, (error) => {
    assert.equal(status[error.code], status[code]);
    return true;
  });
}

// The next message of a stream; what ends it is an error here.
function next(stream) {
  return new Promise((resolve, reject) => {
    stream.once("data", resolve).once("error", reject);
  });
}

let told = null;
function untilTold() {
  told ??= new Promise((resolve) => {
    const lines = readline.createInterface({ input: process.stdin });
    lines.once("line", () => {
      lines.close();
      resolve();
    });
  });
  console.log("running");
  return told;
}

const scenarios = {
  async connect(client) {
    const response = await client.connect("http://localhost/cable?user=jack", {
      cookie: "a=b",
    });
    assert.equal(response.status, "SUCCESS");
    assert.equal(response.identifiers, '{"user":"jack"}');
    assert.deepEqual(response.transmissions, ['{"type":"welcome"}']);
    assert.deepEqual(response.env.cstate, { user: "jack" });
  },

  async reject(client) {
    const response = await client.connect("http://localhost/cable?user=nobody");
    assert.equal(response.status, "FAILURE");
    assert.equal(JSON.parse(response.transmissions[0]).reason, "unauthorized");
    assert.equal((await client.say("reject")).status, "FAILURE");
  },

  async command(client) {
    const request = message("subscribe", "room 1");
    request.env = { cstate: { user: "jack" } };
    let response = await client.unary(client.rpc, "Command", request);
    assert.equal(response.status, "SUCCESS");
    assert.deepEqual(response.streams, ["room 1"]);
    assert.deepEqual(response.transmissions, [
      '{"type":"confirm_subscription"}',
    ]);
    assert.deepEqual(response.env.istate, { room: "room 1" });
    assert.deepEqual(response.env.cstate, { was: "jack" });
    response = await client.say("unsubscribe");
    assert.equal(response.status, "SUCCESS");
    assert.equal(response.stop_streams, true);
    const data = 'ключ " 🔑';
    assert.deepEqual(await client.ask("echo", data), { data });
  },

  async disconnect(client) {
    const before = (await client.ask("counters")).disconnects;
    const response = await client.unary(client.rpc, "Disconnect", {
      identifiers: '{"user":"jack"}',
      subscriptions: [ID, "other"],
      env: { istate: { [ID]: '{"room":"room 1"}' } },
    });
    assert.equal(response.status, "SUCCESS");
    assert.equal(response.error_msg, "");
    assert.equal((await client.ask("counters")).disconnects, before + 1);
  },

  async metadata(client) {
    const metadata = metadataOf({
      protov: "v1",
      sid: "s1",
      "x-text": "a, b",
      "x-blob-bin": Buffer.from([0, 255, 10]),
    });
    assert.deepEqual(await client.ask("metadata", "", { metadata }), {
      sid: "s1",
      protov: "v1",
      "x-text": "a, b",
      "x-blob-bin": "00ff0a",
    });
  },

  async version(client) {
    const how = { metadata: new grpc.Metadata() };
    assert.equal((await client.say("echo", "", how)).status, "ERROR");
  },

  async error_text(client) {
    const response = await client.say("error", SAYS);
    assert.equal(response.status, "ERROR");
    assert.equal(response.error_msg, SAYS);
  },

  async unimplemented(client) {
    const { requestSerialize, responseDeserialize } = Rpc.service.Command;
    for (const name of ["/anycable.RPC/Nothing", "/anycable.Nothing/Command"])
      await fails(
        status.UNIMPLEMENTED,
        new Promise((resolve, reject) => {
          client.rpc.makeUnaryRequest(
            name,
            requestSerialize,
            responseDeserialize,
            message("echo"),
            (error, response) => (error ? reject(error) : resolve(response)),
          );
        }),
      );
  },

  async deadline(client) {
    const before = (await client.ask("counters")).cancelled;
    await fails(
      status.DEADLINE_EXCEEDED,
      client.say("hold", "", { seconds: 0.2 }),
    );
    await client.until("cancelled", before);
  },

  async cancel(client) {
    const before = await client.ask("counters");
    const promise = client.say("hold");
    const failed = fails(status.CANCELLED, promise);
    await client.until("held", before.held);
    promise.call.cancel();
    await failed;
    await client.until("cancelled", before.cancelled);
  },

  async large(client) {
    const room = MIB_4 - sizeOf(message("length")) - 5;
    assert.equal(sizeOf(message("length", "x".repeat(room))), MIB_4);
    assert.deepEqual(await client.ask("length", "x".repeat(room)), {
      length: room,
    });
  },

  async too_large(client) {
    const room = MIB_4 - sizeOf(message("length")) - 5;
    await fails(
      status.RESOURCE_EXHAUSTED,
      client.say("length", "x".repeat(room + 1)),
    );
    assert.deepEqual(await client.ask("length", "x"), { length: 1 });
  },

  async large_reply(client) {
    let response = await client.say("reply", String(MIB_4 - 7));
    assert.equal(response.transmissions[0].length, MIB_4 - 7);
    response = await client.say("reply", String(MIB_4 - 6));
    assert.equal(response.status, "ERROR");
    assert.equal(response.transmissions.length, 0);
  },

  async parallel(client) {
    await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const data = `call ${i}`;
        assert.deepEqual(await client.ask("echo", data), { data });
      }),
    );
  },

  async health(client) {
    for (const service of ["", "anycable.RPC"])
      assert.equal((await client.check(service)).status, "SERVING");
    await fails(status.NOT_FOUND, client.check("nothing"));
  },

  async watch(client) {
    for (const [service, state] of [
      ["", "SERVING"],
      ["anycable.RPC", "SERVING"],
      ["nothing", "SERVICE_UNKNOWN"],
    ]) {
      const stream = client.watch(service);
      assert.equal((await next(stream)).status, state);
      const end = next(stream);
      stream.cancel();
      await fails(status.CANCELLED, end);
    }
  },

  async drain(client) {
    const stream = client.watch("");
    const end = new Promise((resolve) => {
      stream.once("error", resolve).once("end", resolve);
    });
    assert.equal((await next(stream)).status, "SERVING");
    const call = client.ask("slow", "1000");
    await client.until("slow", 0);
    const draining = next(stream);
    assert.equal((await client.say("drain")).status, "SUCCESS");
    assert.equal((await draining).status, "NOT_SERVING");
    stream.on("data", () => assert.fail("more after NOT_SERVING"));
    assert.deepEqual(await call, { data: "1000" });
    await end;
  },

  async keepalive(client) {
    assert.deepEqual(await client.ask("echo", "1"), { data: "1" });
    await untilTold();
    assert.deepEqual(await client.ask("echo", "2"), { data: "2" });
  },

  // Calls without a pause, until told; none may fail.
  async age(client) {
    let over = false;
    let calls = 0;
    const caller = async (number) => {
      while (!over) {
        const data = `${number} ${calls++}`;
        assert.deepEqual(await client.ask("echo", data, { seconds: 3 }), {
          data,
        });
      }
    };
    const callers = Array.from({ length: 8 }, (_, i) => caller(i));
    await Promise.race([untilTold(), ...callers]);
    over = true;
    await Promise.all(callers);
    console.log(`calls: ${calls}`);
  },

  async untrusted(client) {
    await fails(status.UNAVAILABLE, client.say("echo"));
  },
};

async function main() {
  for (const name of names) {
    const client = new Client(name === "keepalive");
    try {
      await scenarios[name](client);
      console.log(`ok ${name}`);
    } catch (error) {
      console.log(`not ok ${name}: ${String(error).slice(0, 300)}`);
      process.exitCode = 1;
    }
    client.close();
  }
  process.stdin.destroy();
}

main();
