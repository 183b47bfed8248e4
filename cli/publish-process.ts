/** What publishInChild starts: it has a channel to its parent and no command line. */
import { type PublishOrder, publish } from './publish-child.js';

process.once('message', (order: PublishOrder) => void publish(order));
