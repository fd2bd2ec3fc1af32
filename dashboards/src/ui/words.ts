// Counts, times and warnings as people read them: pure, tested beside.

export function formatCount(count: number | bigint): string {
  return count.toLocaleString('en');
}

// To the minute, or with `seconds`; always UTC, as all of rondo's times.
export function formatTime(time: Date, seconds = false): string {
  return `${time.toISOString().slice(0, seconds ? 19 : 16).replace('T', ' ')} UTC`;
}

const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g;
const TIME_MARK = '\u0000';  // No text of the engine holds it.
const SUBJECTS_MAX = 3;

// Warnings of one wording, such as one of each cycle, become one that names all of whom it is said.
// `SUBJECT: TEXT` is how the engine writes them; times in the text become the first and the last.
export function groupWarnings(warnings: string[]): string[] {
  const groups = new Map<string, {subjects: string[]; times: string[][]}>();
  for (const warning of warnings) {
    const at = warning.indexOf(': ');
    const subject = at < 0 ? '' : warning.slice(0, at + 2);
    const wording = warning.slice(subject.length).replace(TIME, TIME_MARK);
    const group = groups.get(wording) ?? {subjects: [], times: []};
    group.subjects.push(subject.replace(/: $/, ''));
    group.times.push((warning.slice(subject.length).match(TIME) ?? []).map((time) => formatTime(new Date(time))));
    groups.set(wording, group);
  }
  return [...groups].map(([wording, {subjects, times}]) => {
    let place = 0;
    const text = wording.replaceAll(TIME_MARK, () => {
      const first = times[0]?.[place] ?? '';
      const last = times.at(-1)?.[place] ?? '';
      place += 1;
      return first === last ? first : `${first} … ${last}`;
    });
    const named = subjects.slice(0, SUBJECTS_MAX).join('; ');
    const more = subjects.length - SUBJECTS_MAX;
    return `${named}${more > 0 ? ` and ${more} more` : ''}${named === '' ? '' : ': '}${text}`;
  });
}
