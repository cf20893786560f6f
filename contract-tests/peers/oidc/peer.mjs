// An OpenID provider for tests: the certified oidc-provider, headless.
//
//   node peer.mjs PORT
//
// One process serves many providers ("realms"), each an issuer of its own at http://127.0.0.1:PORT/NAME, so that tests
// which rotate keys or shorten lifetimes do not disturb each other. A realm exists once it is asked for; it is made to
// measure and steered over these requests, which no real provider has:
//
//   GET  /ready                      200 once the process serves
//   PUT  /NAME/-/realm               makes or remakes the realm; the body may hold `keys` (the JWS algorithms it signs
//                                    with, first one preferred), `ttl` (seconds by kind of token), `clientKeys` (the
//                                    JWK set of the client that signs assertions) and `scopes` (what the client `service`
//                                    may also ask for)
//   POST /NAME/-/rotate?keep=BOOL    signs with new keys from now on; without `keep` it forgets the old ones
//   POST /NAME/-/down?path=/jwks     answers 503 there from now on; without a path, nowhere
//   POST /NAME/-/sign                signs the `claims` in the body with the realm's key, whatever they say, as a token
//                                    of the type `typ`
//   POST /NAME/-/sign-in             goes to the `url` in the body with a browser; answers the `location` it ends at
//   POST /NAME/-/device              goes to the verification `url` in the body and confirms if `confirm` is true
//   GET  /NAME/-/requests            how often each path was asked for, as JSON
//
// Whoever comes to sign in is believed: `login_hint` names the account, and the hint `nobody` declines. Asking for the
// class `urn:example:mfa` in `acr_values` signs in with two factors, otherwise it is a password.

import { createServer } from 'node:http';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { SignJWT, importJWK } from 'jose';
import { Provider } from 'oidc-provider';
import { answerDevice, signIn } from './browser.mjs';

const port = Number(process.argv[2]);
const PASSWORD = 'urn:example:password';
const MFA = 'urn:example:mfa';
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'EdDSA'];
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';

const realms = new Map();

function signingKey(alg) {
  const pair = {
    R: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    P: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    EdDSA: () => generateKeyPairSync('ed25519'),
  };
  const { privateKey } = (pair[alg] ?? pair[alg[0]])();
  return { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: randomUUID() };
}

function clients(realm) {
  const [preferred] = realm.algorithms;
  const common = {
    id_token_signed_response_alg: preferred,
    redirect_uris: ['http://127.0.0.1:9/callback'],
    post_logout_redirect_uris: ['http://127.0.0.1:9/bye'],
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token'],
  };
  const machine = { redirect_uris: [], response_types: [], grant_types: ['client_credentials'] };
  const assertion = { token_endpoint_auth_method: 'private_key_jwt', jwks: realm.clientKeys };
  return [
    // A secret full of characters that client_secret_basic must encode before it encodes (RFC 6749 section 2.3.1).
    { ...common, client_id: 'web', client_secret: 'hush: 50% + more/than=that?' },
    {
      ...common,
      client_id: 'everything',
      client_secret: 'hush',
      grant_types: [...common.grant_types, 'client_credentials', DEVICE],
    },
    { ...common, client_id: 'web-post', client_secret: 'hush', token_endpoint_auth_method: 'client_secret_post' },
    { ...common, client_id: 'app', token_endpoint_auth_method: 'none', application_type: 'native' },
    { ...common, client_id: 'signed', client_secret: 'hush', userinfo_signed_response_alg: preferred },
    { ...common, ...machine, client_id: 'service', client_secret: 'hush', scope: ['api:read', ...realm.scopes].join(' ') },
    {
      ...common,
      client_id: 'device',
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      redirect_uris: [],
      response_types: [],
      grant_types: [DEVICE, 'refresh_token'],
    },
    ...(realm.clientKeys
      ? [
          { ...common, ...assertion, client_id: 'web-key' },
          { ...common, ...machine, ...assertion, client_id: 'service-key' },
        ]
      : []),
  ];
}

function build(realm) {
  const authorizationDetails = (token) => ({ acr: token?.acr, amr: token?.amr, auth_time: token?.authTime });
  const provider = new Provider(realm.issuer, {
    clients: clients(realm),
    jwks: { keys: realm.keys },
    scopes: ['openid', 'offline_access', 'profile', 'email', 'api:read', 'api:write', ...realm.scopes],
    claims: {
      openid: ['sub', 'acr', 'amr', 'auth_time'],
      email: ['email', 'email_verified'],
      profile: ['name'],
    },
    acrValues: [PASSWORD, MFA],
    enabledJWA: {
      idTokenSigningAlgValues: ALGORITHMS,
      userinfoSigningAlgValues: ALGORITHMS,
      clientAuthSigningAlgValues: ALGORITHMS,
    },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    pkce: { required: () => true },
    rotateRefreshToken: true,
    conformIdTokenClaims: false,
    cookies: { keys: ['only for tests'] },
    ttl: {
      AccessToken: 300,
      AuthorizationCode: 60,
      ClientCredentials: 300,
      DeviceCode: 600,
      Grant: 3600,
      IdToken: 300,
      Interaction: 600,
      RefreshToken: 3600,
      Session: 3600,
      ...realm.ttl,
    },
    interactions: { url: (_, interaction) => `${realm.issuer}/interaction/${interaction.uid}` },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      jwtUserinfo: { enabled: true },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, resource) => ({
          scope: ['api:read', 'api:write', ...realm.scopes].join(' '),
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: realm.ttl?.AccessToken ?? 300,
          jwt: { sign: { alg: realm.algorithms[0] } },
        }),
      },
    },
    extraTokenClaims: (ctx) => {
      const { AuthorizationCode, RefreshToken, DeviceCode } = ctx.oidc.entities;
      return authorizationDetails(AuthorizationCode ?? RefreshToken ?? DeviceCode);
    },
    issueRefreshToken: (_, client, code) =>
      client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, name: `Name of ${id}`, email: `${id}@example.test`, email_verified: true }),
    }),
  });
  provider.on('server_error', (_, error) => console.error(error));
  return provider;
}

function makeRealm(name, { keys: algorithms = ['RS256'], ttl, clientKeys, scopes = [] } = {}) {
  const realm = { issuer: `http://127.0.0.1:${port}/${name}`, algorithms, ttl, clientKeys, scopes };
  realm.keys = algorithms.map(signingKey);
  realm.down = new Set();
  realm.requests = {};
  realm.provider = build(realm);
  realms.set(name, realm);
  return realm;
}

// Two providers share what they store, because oidc-provider keeps it per process: sessions and grants outlive the keys.
function rotate(realm, keep) {
  const fresh = realm.algorithms.map(signingKey);
  realm.keys = keep ? [...fresh, ...realm.keys] : fresh;
  realm.provider = build(realm);
}

async function interact({ provider }, req, res) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(req, res);
  const { name, details } = prompt;
  if (params.login_hint === 'nobody') {
    const refusal = { error: 'access_denied', error_description: 'nobody signed in' };
    return provider.interactionFinished(req, res, refusal);
  }
  if (name === 'login') {
    const strong = (params.acr_values ?? '').split(' ').includes(MFA);
    const login = {
      accountId: params.login_hint ?? 'alice',
      acr: strong ? MFA : PASSWORD,
      amr: strong ? ['pwd', 'otp', 'mfa'] : ['pwd'],
    };
    return provider.interactionFinished(req, res, { login });
  }
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope((details.missingOIDCScope ?? []).join(' '));
  grant.addOIDCClaims(details.missingOIDCClaims ?? []);
  for (const [resource, scopes] of Object.entries(details.missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(' '));
  }
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(req, res, { consent }, { mergeWithLastSubmission: true });
}

async function json(req) {
  let text = '';
  for await (const piece of req) text += piece;
  return text === '' ? {} : JSON.parse(text);
}

function answer(res, status, body) {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? {}));
}

async function steer(name, verb, url, req, res) {
  const realm = () => realms.get(name) ?? makeRealm(name);
  switch (`${req.method} ${verb}`) {
    case 'PUT realm':
      makeRealm(name, await json(req));
      return answer(res, 201);
    case 'POST rotate':
      rotate(realm(), url.searchParams.get('keep') === 'true');
      return answer(res, 200);
    case 'POST down':
      realm().down = new Set(url.searchParams.getAll('path'));
      return answer(res, 200);
    case 'POST sign': {
      const [key] = realm().keys;
      const { claims, typ = 'JWT' } = await json(req);
      const token = new SignJWT(claims).setProtectedHeader({ alg: key.alg, kid: key.kid, typ });
      return answer(res, 200, { token: await token.sign(await importJWK(key, key.alg)) });
    }
    case 'POST sign-in':
      return answer(res, 200, await signIn(realm().issuer, (await json(req)).url));
    case 'POST device': {
      const { url, confirm } = await json(req);
      return answer(res, 200, await answerDevice(realm().issuer, url, confirm));
    }
    case 'GET requests':
      return answer(res, 200, realm().requests);
    default:
      return answer(res, 404);
  }
}

async function serve(req, res) {
  const url = new URL(req.url, `http://127.0.0.1:${port}`);
  const [, name, ...rest] = url.pathname.split('/');
  if (name === 'ready') return answer(res, 200);
  if (rest[0] === '-') return steer(name, rest[1], url, req, res);

  const realm = realms.get(name) ?? makeRealm(name);
  const path = `/${rest.join('/')}`;
  realm.requests[path] = (realm.requests[path] ?? 0) + 1;
  if (realm.down.has(path)) return answer(res, 503);
  if (rest[0] === 'interaction') return interact(realm, req, res);
  // What oidc-provider takes its mount path from.
  req.originalUrl = req.url;
  req.url = req.url.slice(name.length + 1);
  return realm.provider.callback()(req, res);
}

createServer((req, res) => {
  serve(req, res).catch((error) => {
    console.error(error);
    if (!res.headersSent) answer(res, 500, { error: String(error) });
  });
}).listen(port, '127.0.0.1', () => console.log(`serving on port ${port}`));
