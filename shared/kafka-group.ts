/** Who is in a consumer group, and what for. */
import type { Admin } from './kafka.js';

export interface GroupMember {
  client: string;
  host: string;
  /** That it has subscribed to. */
  topics: string[];
}

export interface GroupDescription {
  /** Kafka's word: `Stable`, `Empty`, … */
  state: string;
  protocol: string;
  members: GroupMember[];
}

/** @throws kafkajs' errors */
export async function describeGroup(admin: Admin, group: string): Promise<GroupDescription> {
  const [described] = (await admin.describeGroups([group])).groups;
  return {
    state: described.state,
    protocol: described.protocolType,
    members: described.members.map(m => ({
      client: m.clientId,
      host: m.clientHost.replace(/^\//, ''),
      topics: subscriptions(m.memberMetadata),
    })),
  };
}

/** Members that are given partitions of a topic and read none of it: the assignment deals all topics out to all members. */
export function strangersTo(topic: string, members: readonly GroupMember[]): GroupMember[] {
  return members.filter(m => m.client !== 'glossier' || !m.topics.includes(topic));
}

/** Topics of a member's subscription: a version, then a list of strings (the group protocol of all consumers). */
function subscriptions(metadata: Buffer): string[] {
  const topics: string[] = [];
  try {
    let at = 6;
    for (let n = metadata.readInt32BE(2); n > 0; n--) {
      const length = metadata.readInt16BE(at);
      topics.push(metadata.toString('utf8', at + 2, at + 2 + length));
      at += 2 + length;
    }
  } catch {
    // of another protocol
  }
  return topics;
}
