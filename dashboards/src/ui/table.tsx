// A table of text; the first column is the row's header. Where it is wider than its place it scrolls,
// by keyboard too.
import type {ReactNode} from 'react';

export interface Column {
  title: string;
  numeric?: boolean;
}

export function DataTable(props: {name: string; caption: string; columns: Column[];
                                  rows: {key: string; cells: ReactNode[]}[]}) {
  return (
    <div className="scroll" role="region" aria-label={props.caption} tabIndex={0} data-table={props.name}>
      <table>
        <caption>{props.caption}</caption>
        <thead>
          <tr>
            {props.columns.map((column) => (
              <th key={column.title} scope="col" className={column.numeric ? 'number' : undefined}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row) => (
            <tr key={row.key} data-row={row.key}>
              {row.cells.map((cell, i) =>
                i === 0 ? (
                  <th key={0} scope="row">{cell}</th>
                ) : (
                  <td key={i} className={props.columns[i]?.numeric ? 'number' : undefined}>{cell}</td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
