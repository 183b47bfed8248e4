/** Says when others than this topic's workers are in the consumer group: they are given partitions, and nobody loads those. */
import type { Admin } from '../shared/kafka.js';
import { describeGroup, strangersTo } from '../shared/kafka-group.js';
import type { Logger } from '../shared/log.js';

export class StrangerWatch {
  #looked = -1;
  #told = '';

  constructor(
    readonly admin: Admin,
    readonly group: string,
    readonly topic: string,
    readonly log: Logger,
  ) {}

  /** @param generation rises whenever the members of the group may have changed */
  async look(generation: number): Promise<void> {
    if (generation === this.#looked) return;
    const { state, members } = await describeGroup(this.admin, this.group);
    if (state !== 'Stable') return; // what members read is not told while they join
    this.#looked = generation;
    const strangers = strangersTo(this.topic, members).map(m => `${m.client} (${m.topics.join(', ') || 'no topic'})`);
    const words = [...new Set(strangers)].sort().join('; ');
    if (words !== '' && words !== this.#told)
      this.log.warn(
        { group: this.group, strangers: words },
        'others are in the group and hold partitions that nobody loads; set another KAFKA_GROUP',
      );
    this.#told = words;
  }
}
