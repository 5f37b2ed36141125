// An OpenID Connect issuer on loopback. `node issuer.mjs PORT CLIENTS` prints "ready".
// CLIENTS is JSON: client id -> {redirect, lasts, interval, slow}; each has the secret
// "secret-of-ID". Any login name is a user; its address is NAME@example.org, unverified for
// "stranger". What each poll for tokens was told is printed, a line each.
// Two things that the provider never says are put in here: `slow` answers the first poll of each
// device code with slow_down, and "mistaken" gets ID tokens that are for another audience.
import Provider from 'oidc-provider';
import { SignJWT, decodeJwt, decodeProtectedHeader } from 'jose';
import { generateKeyPairSync, randomUUID } from 'node:crypto';

const [port, clients] = [Number(process.argv[2]), JSON.parse(process.argv[3])];

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const signing = { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig' };

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: Object.entries(clients).map(([id, { redirect }]) => ({
    client_id: id,
    client_secret: `secret-of-${id}`,
    application_type: 'native',
    token_endpoint_auth_method: 'client_secret_post',
    grant_types: [
      'authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code',
    ],
    redirect_uris: [redirect],
  })),
  jwks: { keys: [signing] },
  cookies: { keys: ['tests only'] },
  features: { deviceFlow: { enabled: true }, revocation: { enabled: true } },
  scopes: ['openid', 'offline_access', 'https://mail.google.com/',
    'https://www.googleapis.com/auth/calendar', 'https://www.googleapis.com/auth/carddav',
    'https://outlook.office.com/IMAP.AccessAsUser.All', 'https://outlook.office.com/SMTP.Send'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  // The standard lets an issuer keep claims for its userinfo endpoint; "spare" does.
  conformIdTokenClaims: process.argv[4] === 'spare',
  ttl: {
    DeviceCode: (ctx, token, client) => clients[client.clientId].lasts ?? 600,
    Session: 600, Interaction: 600, Grant: 600, AccessToken: 600, IdToken: 600,
  },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({
      sub: id, name: `Name of ${id}`, email: `${id}@example.org`, email_verified: id !== 'stranger',
    }),
  }),
});
const seen = new Set();
provider.use(async (ctx, next) => {
  await next();
  const { route, client, params } = ctx.oidc ?? {};
  const options = clients[client?.clientId] ?? {};
  if (route === 'device_authorization' && options.interval) ctx.body.interval = options.interval;
  if (route !== 'token') return;
  if (options.slow && ctx.body?.error === 'authorization_pending' && !seen.has(params.device_code)) {
    seen.add(params.device_code);
    ctx.body = { error: 'slow_down' };
  }
  if (ctx.body?.id_token && decodeJwt(ctx.body.id_token).sub === 'mistaken') {
    const claims = { ...decodeJwt(ctx.body.id_token), aud: 'somebody-else' };
    const header = decodeProtectedHeader(ctx.body.id_token);
    ctx.body.id_token = await new SignJWT(claims).setProtectedHeader(header).sign(privateKey);
  }
  console.log(ctx.body?.error ?? 'tokens');
});
provider.listen(port, '127.0.0.1', () => console.log('ready'));
