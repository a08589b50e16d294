// `npm run mock [port]`: the built page over a made-up world, to look at while working on it.

import { fillCustody } from './custody.mjs';
import { Mock } from './server.mjs';
import { fillWorld } from './story.mjs';

const mock = new Mock();
await mock.start(Number(process.argv[2] ?? 8081));
fillWorld(mock);
fillCustody(mock);
console.log(`the page over a made-up world: ${mock.url}`);
