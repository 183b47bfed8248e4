/** What a topic holds, as text. */
import { TopicRecords } from '../../consumer/forget/topic-records.js';
import { createKafka } from '../../shared/kafka.js';
import { createLog } from '../../shared/log.js';
import { testServices } from '../support/services.js';

/** Every record of a topic as text: keys, values and headers. */
export async function everything(topic: string): Promise<{ records: number; text: string; times: number[]; low: number[]; end: number[] }> {
  const kafka = createKafka({ brokers: testServices().brokers, log: await createLog('silent', null) });
  const admin = kafka.admin();
  await admin.connect();
  const offsets = (await admin.fetchTopicOffsets(topic)).sort((a, b) => a.partition - b.partition);
  await admin.disconnect();
  const signal = new AbortController().signal;
  const reader = new TopicRecords({
    kafka,
    topic,
    rules: { maxDepth: 512, forgotten: new Map() },
    signal,
    stallTimeout: 5000,
    patiently: work => work(),
  });
  let [text, records] = ['', 0];
  const times: number[] = [];
  for (const { partition, low, high } of offsets)
    for await (const { records: some } of reader.read(partition, Number(low), Number(high))) {
      records += some.length;
      for (const r of some) {
        text += `${r.key} ${r.value} ${Buffer.isBuffer(r.headers) ? r.headers.toString() : JSON.stringify(r.headers)}\n`;
        times.push(r.time);
      }
    }
  await reader.close();
  return { records, text, times, low: offsets.map(o => Number(o.low)), end: offsets.map(o => Number(o.high)) };
}
