/** Who is answered over HTTP, and where it listens. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasToken, isOwnHost } from '../../../../consumer/http/access.js';
import { isLoopback, listenAddress, listenFaults } from '../../../../shared/listen-address.js';

test('a name that a site could have is not our own host, an address and localhost are', () => {
  for (const host of ['127.0.0.1', '127.0.0.1:8080', 'localhost', 'LOCALHOST:1', '[::1]:8080', '[::1]', '10.1.2.3:80'])
    assert.equal(isOwnHost(host), true, host);
  const others = [
    undefined,
    '',
    'evil.example',
    'evil.example:8080',
    'localhost.evil.example',
    'a.localhost.evil',
    '127.0.0.1.evil.example',
    '[evil]',
    '::1',
    '1.2.3',
  ];
  for (const host of others) assert.equal(isOwnHost(host), false, String(host));
});

test('the token is taken as a bearer alone, and whole', () => {
  const token = 'a-long-token';
  for (const given of ['Bearer a-long-token', 'bearer a-long-token', 'BEARER   a-long-token '])
    assert.equal(hasToken(given, token), true, given);
  const wrong = [
    undefined,
    '',
    'a-long-token',
    'Basic a-long-token',
    'Bearer',
    'Bearer ',
    'Bearer a-long-toke',
    'Bearer a-long-tokenx',
    'Bearer A-long-token',
    'Bearer a-long-token x',
  ];
  for (const given of wrong) assert.equal(hasToken(given, token), false, String(given));
});

test('an address to listen on is loopback unless another host is named, and needs a token then', () => {
  assert.deepEqual(listenAddress('8080'), { host: '127.0.0.1', port: 8080 });
  assert.deepEqual(listenAddress(':0'), { host: '127.0.0.1', port: 0 });
  assert.deepEqual(listenAddress('[::1]:8080'), { host: '::1', port: 8080 });
  assert.deepEqual(listenAddress('0.0.0.0:65535'), { host: '0.0.0.0', port: 65535 });
  for (const text of ['', 'x', '65536', '127.0.0.1', '::1:80', '[x]:80', 'a b:80', 'http://127.0.0.1:80', '80/'])
    assert.equal(listenAddress(text), null, text);
  for (const host of ['127.0.0.1', '127.9.9.9', 'localhost', '::1']) assert.equal(isLoopback(host), true, host);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.evil.example', 'example.org']) assert.equal(isLoopback(host), false, host);
  assert.deepEqual(listenFaults('8080', undefined), []);
  assert.deepEqual(listenFaults('0.0.0.0:8080', 'long enough'.replace(' ', '-')), []);
  assert.match(listenFaults('0.0.0.0:8080', undefined)[0], /set HTTP_TOKEN/);
  assert.match(listenFaults('nowhere', undefined)[0], /not an address/);
  for (const token of ['', 'short', 'with a blank in it', 'caf\u00e9-caf\u00e9'])
    assert.match(listenFaults('8080', token)[0], /HTTP_TOKEN/, token);
});
