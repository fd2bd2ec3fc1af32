// Generates src/api/gen from the contract: messages with their JSON forms.
import {execFileSync} from 'node:child_process';
import {mkdirSync, readdirSync, rmSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const dashboards = dirname(dirname(fileURLToPath(import.meta.url)));
const root = dirname(dashboards);
const python = join(root, 'build/venv/lib');
const googleapis = join(python, readdirSync(python).find((name) => name.startsWith('python3')) ?? '',
                        'site-packages');
const out = join(dashboards, 'src/api/gen');
rmSync(out, {recursive: true, force: true});
mkdirSync(out, {recursive: true});
const services = ['campaign', 'delivery', 'insight'].map((s) => `rondo/${s}/v1/${s}_service.proto`);
const messages = [
  'rondo/campaign/v1/campaign.proto', 'rondo/delivery/v1/template.proto',
  'rondo/insight/v1/report.proto', 'rondo/response/v1/event.proto',
  'rondo/targeting/v1/segment.proto', 'rondo/type/v1/geo_point.proto',
  'rondo/type/v1/money.proto', 'rondo/type/v1/value.proto', 'google/api/annotations.proto',
  'google/api/field_behavior.proto', 'google/api/http.proto',
];
execFileSync('protoc', [
  `--plugin=${join(dashboards, 'node_modules/.bin/protoc-gen-es')}`, '-I', join(root, 'proto'),
  '-I', googleapis, `--es_out=${out}`, '--es_opt=target=ts,import_extension=none', ...services,
  ...messages,
], {stdio: 'inherit'});
