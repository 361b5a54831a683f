package bench

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"strconv"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Sizes of the picture.
const (
	chartWidth, chartHeight = 11 * vg.Centimeter, 8.5 * vg.Centimeter
	headingHeight           = 1.6 * vg.Centimeter
	margin                  = 0.3 * vg.Centimeter
)

// line is one curve of a chart.
type line struct {
	name   string
	colour color.Color
	dashed bool
	levels []Level
	value  func(Level) float64
}

var (
	blue   = color.RGBA{0x1a, 0x73, 0xe8, 0xff}
	orange = color.RGBA{0xe8, 0x71, 0x0a, 0xff}
	red    = color.RGBA{0xd9, 0x30, 0x25, 0xff}
	grey   = color.RGBA{0x80, 0x86, 0x8b, 0xff}
	pale   = color.RGBA{0xe8, 0xea, 0xed, 0xff}
)

// percentileLines returns the lines of a duration's percentiles.
func percentileLines(levels []Level, of func(Level) Percentiles) []line {
	return []line{
		{"P99", red, false, levels, func(l Level) float64 { return of(l).P99 }},
		{"P95", orange, false, levels, func(l Level) float64 { return of(l).P95 }},
		{"P50", blue, false, levels, func(l Level) float64 { return of(l).P50 }},
	}
}

// sans is gonum's only sans-serif font. Viewers may lack it.
var sans = font.Font{Typeface: "Liberation", Variant: "Sans"}

// The fonts for viewers, as in a style sheet.
const (
	named     = "font-family:Liberation Sans;"
	withOther = "font-family:Liberation Sans,Arial,Helvetica,sans-serif;"
)

// Set the font of titles, ticks and legends of new plots.
func init() { plot.DefaultFont = sans }

// picture draws throughput and durations over the concurrency level, as SVG. last may be nil.
func picture(r Run, last *Run) ([]byte, error) {
	throughput := []line{{"output", blue, false, r.Levels, func(l Level) float64 { return l.OutputPerSecond }}}
	if last != nil {
		throughput = append(throughput, line{"output, last run", grey, true, last.Levels, throughput[0].value})
	}
	charts := []struct {
		title string
		lines []line
	}{
		{"Output tokens per second", throughput},
		{"Time to the first token, ms", percentileLines(r.Levels, func(l Level) Percentiles { return l.FirstToken })},
		{"Time per output token, ms", percentileLines(r.Levels, func(l Level) Percentiles { return l.EachToken })},
	}
	width := vg.Length(len(charts))*(chartWidth+margin) + margin
	canvas := vgsvg.New(width, chartHeight+headingHeight)
	page := draw.New(canvas)
	page.FillPolygon(color.White, []vg.Point{page.Min, {X: page.Max.X, Y: page.Min.Y}, page.Max, {X: page.Min.X, Y: page.Max.Y}})
	style := draw.TextStyle{Color: color.Black, Font: font.From(sans, 13), Handler: plot.DefaultTextHandler, YAlign: text.YTop}
	page.FillText(style, vg.Point{X: margin, Y: page.Max.Y - margin}, r.heading())
	style.Font, style.Color = font.From(sans, 10), grey
	page.FillText(style, vg.Point{X: margin, Y: page.Max.Y - margin - 18}, r.subject()+", "+r.Date.Format(time.DateOnly))
	for i, c := range charts {
		p, err := chart(c.title, c.lines, r)
		if err != nil {
			return nil, err
		}
		x := page.Min.X + margin + vg.Length(i)*(chartWidth+margin)
		p.Draw(draw.Canvas{Canvas: page, Rectangle: vg.Rectangle{
			Min: vg.Point{X: x, Y: page.Min.Y}, Max: vg.Point{X: x + chartWidth, Y: page.Min.Y + chartHeight},
		}})
	}
	var out bytes.Buffer
	_, err := canvas.WriteTo(&out)
	return bytes.ReplaceAll(out.Bytes(), []byte(named), []byte(withOther)), err
}

func chart(title string, lines []line, r Run) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text = title, "requests at once"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, ticks(r.Levels)
	p.Legend.Top, p.Legend.Left, p.Legend.XOffs = true, true, 4
	p.Legend.TextStyle.Font.Size, p.Legend.Padding = 9, 2
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = pale, pale
	p.Add(grid)
	first, last := r.Levels[0].AtOnce, r.Levels[len(r.Levels)-1].AtOnce
	top := 0.0
	for _, l := range lines {
		var points plotter.XYs
		for _, level := range l.levels {
			if level.Failed < level.Requests && level.AtOnce >= first && level.AtOnce <= last {
				points = append(points, plotter.XY{X: float64(level.AtOnce), Y: l.value(level)})
				top = math.Max(top, l.value(level))
			}
		}
		if len(points) == 0 {
			continue
		}
		curve, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, err
		}
		curve.Color, dots.Color, dots.Shape = l.colour, l.colour, draw.CircleGlyph{}
		if l.dashed {
			curve.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
		}
		p.Add(curve, dots)
		p.Legend.Add(l.name, curve)
	}
	if at := float64(r.capacity()); at >= float64(first) && at <= float64(last) {
		limit, err := plotter.NewLine(plotter.XYs{{X: at}, {X: at, Y: top * 1.25}})
		if err != nil {
			return nil, err
		}
		limit.Color = grey
		p.Add(limit)
		p.Legend.Add(fmt.Sprintf("the plan: %g run at once", at), limit)
	}
	// Without answered requests there are no points that determine the range.
	p.X.Min, p.X.Max = float64(first)/1.2, float64(last)*1.2
	p.Y.Tick.Marker = plain{}
	p.Y.Min, p.Y.Max = 0, math.Max(top*1.25, 1e-3) // room for the legend
	return p, nil
}

// plain formats the values of an axis with the shortest representation.
type plain struct{}

// Ticks returns gonum's default ticks with shorter labels.
func (plain) Ticks(least, most float64) []plot.Tick {
	all := plot.DefaultTicks{}.Ticks(least, most)
	for i, tick := range all {
		if !tick.IsMinor() {
			all[i].Label = strconv.FormatFloat(tick.Value, 'f', -1, 32)
		}
	}
	return all
}

// ticks returns a tick for each level.
func ticks(levels []Level) plot.ConstantTicks {
	var all plot.ConstantTicks
	for _, l := range levels {
		all = append(all, plot.Tick{Value: float64(l.AtOnce), Label: fmt.Sprint(l.AtOnce)})
	}
	return all
}
