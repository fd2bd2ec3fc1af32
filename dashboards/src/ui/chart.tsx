// An ECharts drawing that follows its box and says in words what it shows.
import {BarChart, CustomChart, ScatterChart} from 'echarts/charts';
import {GridComponent, MarkLineComponent} from 'echarts/components';
import * as echarts from 'echarts/core';
import {SVGRenderer} from 'echarts/renderers';
import {useEffect, useRef} from 'react';

echarts.use([BarChart, CustomChart, ScatterChart, GridComponent, MarkLineComponent, SVGRenderer]);

export function Chart(props: {option: echarts.EChartsCoreOption; label: string; height: number}) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<echarts.ECharts | null>(null);
  useEffect(() => {
    if (box.current === null) return;
    const made = echarts.init(box.current, undefined, {renderer: 'svg'});
    chart.current = made;
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(box.current);
    return () => {
      observer.disconnect();
      made.dispose();
    };
  }, []);
  useEffect(() => {
    chart.current?.setOption({animation: false, ...props.option}, true);
  }, [props.option]);
  return <div ref={box} role="img" aria-label={props.label} style={{height: props.height}} />;
}
