/** What is known of a task that cannot be decoded. */
import { expect } from 'chai';

import { followedTask } from '../../../dist/protocol/followed-task.js';

const body = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const chord = { task: 'total', args: [], kwargs: {}, options: {} };
const headers = { task: 'add', id: '1', root_id: '0', group: 'g', group_index: 2 };
const received = (more: object = {}, bytes = body([[], {}, { chord }])) => ({
  properties: { contentType: 'application/json', headers, ...more },
  body: bytes,
});
const nothing = { callbacks: null, errbacks: null, chain: null, chord: null };

describe('a task that cannot be decoded', () => {
  it('is followed by what its body says, where that can be read', () => {
    expect(followedTask(received())).to.deep.equal({
      id: '1',
      rootId: '0',
      group: 'g',
      groupIndex: 2,
      embed: { ...nothing, chord },
      isUnread: false,
    });
  });

  it('has its place in a group all the same', () => {
    const unread = { id: '1', rootId: '0', group: 'g', groupIndex: 2, embed: nothing, isUnread: true };
    expect(followedTask(received(), { isBodyRead: false })).to.deep.equal(unread);
    for (const broken of ['[[1', '[]', '[[],{},7]', '{"args":[]}'])
      expect(followedTask(received({}, Buffer.from(broken)))).to.deep.equal(unread);
    expect(followedTask(received({ contentType: 'application/x-yaml' }))).to.deep.equal(unread);
  });

  it('is nothing where its headers name none, and takes no field that is not what it should be', () => {
    expect(followedTask(received({ headers: undefined }))).to.equal(undefined);
    expect(followedTask(received({ headers: { ...headers, id: 5 } }))).to.equal(undefined);
    expect(followedTask(received({ headers: { ...headers, task: '' } }))).to.equal(undefined);
    const odd = followedTask(received({ headers: { ...headers, root_id: [], group: {}, group_index: -1 } }));
    expect(odd).to.deep.equal({ id: '1', rootId: '1', embed: { ...nothing, chord }, isUnread: false });
  });
});
