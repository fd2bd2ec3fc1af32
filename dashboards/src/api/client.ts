// One way to the REST API: JSON in the contract's form, errors as the server words them.
import {fromJson, type DescMessage, type JsonValue, type MessageShape} from '@bufbuild/protobuf';

export class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

// Proto's JSON readers refuse fields that they do not know; a newer server may send some.
const readOptions = {ignoreUnknownFields: true};

export async function get<T extends DescMessage>(schema: T, path: string): Promise<MessageShape<T>> {
  const response = await fetch(path, {headers: {Accept: 'application/json'}});
  const body = (await response.json().catch(() => null)) as JsonValue;
  if (!response.ok) {
    const message = (body as {message?: string} | null)?.message;
    throw new ApiError(response.status, message ?? `${response.status} ${response.statusText}`);
  }
  return fromJson(schema, body, readOptions);
}
