/** Asks a broker who is in its cluster, over a bare socket: the answer of a broker that takes part, in a millisecond and without a client. */
import { connect } from 'node:net';

/** Metadata request, version 2, for no topic: length, api key 3, version 2, correlation 7, client `up?`, an empty list of topics. */
const REQUEST = Buffer.from('00000011' + '0003' + '0002' + '00000007' + '00037570' + '3f' + '00000000', 'hex');

/**
 * True when the broker at 127.0.0.1:`port` answers within `timeoutMs`, is of that cluster (and not another one that got the port), and
 * knows of one broker at the least, which is itself. Kafka opens the port when it is registered and unfenced, so from then on topics
 * can be made.
 */
export function brokerAnswers(port: number, clusterId: string, timeoutMs = 1000): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1' });
    let answer = Buffer.alloc(0);
    const finish = (up: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(up);
    };
    const timer = setTimeout(() => finish(false), timeoutMs);
    socket.once('connect', () => socket.write(REQUEST));
    socket.once('error', () => finish(false));
    socket.once('close', () => finish(false));
    socket.on('data', bytes => {
      answer = Buffer.concat([answer, bytes]);
      // Length, correlation, and how many brokers follow.
      if (answer.length < 12 || answer.length < 4 + answer.readInt32BE(0)) return;
      finish(answer.readInt32BE(4) === 7 && answer.readInt32BE(8) >= 1 && answer.includes(clusterId));
    });
  });
}
