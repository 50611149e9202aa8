// Serve Firestore's protocol on a loopback port, from the package in the folder given: node firestore_server.mjs FOLDER PORT
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, port] = process.argv.slice(2);
const { FirestoreServer } = createRequire(join(folder, "package.json"))("@firestore-emulator/server");
await new FirestoreServer().start(Number(port));
console.log(JSON.stringify({ ready: `127.0.0.1:${port}` }));
