package mapping_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

func TestParseProperties(t *testing.T) {
	const (
		none, guess          = mapping.ConfidenceNone, mapping.ConfidenceGuess
		positional, labelled = mapping.ConfidencePositional, mapping.ConfidenceLabelled
	)
	tests := []struct {
		text        string
		color, size string
		confidence  mapping.PropertyConfidence
		others      string // "key=value key=value"
	}{
		// By place.
		{"红色;XL", "红色", "XL", positional, ""},
		{"水青色;十片", "水青色", "十片", positional, ""},
		{"红色；XL", "红色", "XL", positional, ""},
		{" 红色 ; XL ", "红色", "XL", positional, ""},
		{"红色;", "红色", "", positional, ""},
		{";XL", "", "XL", positional, ""},
		{";;XL", "", "XL", positional, ""},
		{"T恤-紫-预定15个工作日发;S", "T恤-紫-预定15个工作日发", "S", positional, ""},
		{"T恤:紫;S", "T恤:紫", "S", positional, ""},
		{"红色(加绒;加厚);XL", "红色(加绒;加厚)", "XL", positional, ""},
		{"红色（加绒；加厚）；XL", "红色（加绒；加厚）", "XL", positional, ""},
		{"红色[加绒;加厚];XL", "红色[加绒;加厚]", "XL", positional, ""},
		{"红色【加绒;加厚】;XL", "红色【加绒;加厚】", "XL", positional, ""},
		{"红色{加绒;加厚};XL", "红色{加绒;加厚}", "XL", positional, ""},
		{"红色｛加绒；加厚｝；XL", "红色｛加绒；加厚｝", "XL", positional, ""},
		{"红色)(;XL", "红色)(", "XL", positional, ""},
		{"红色);(XL", "红色)", "(XL", positional, ""},
		{"蓝,白;XL", "蓝,白", "XL", positional, ""},
		{"36;37", "36", "37", positional, ""},
		{"红色;;XL;", "红色", "XL", positional, ""},
		// A comma list.
		{"红色,XL", "红色", "XL", positional, ""},
		{"红色，170/92A", "红色", "170/92A", positional, ""},
		{"水青色,十片", "水青色", "十片", guess, ""},
		// What the place leaves open.
		{"XL;红色", "红色", "XL", guess, ""},
		{"36码;红色", "红色", "36码", guess, ""},
		{"红色;加厚;XL", "红色", "XL", guess, "=加厚"},
		{"XL;红色;加厚", "红色", "XL", guess, "=加厚"},
		{"红色;十片;加厚", "红色", "十片", guess, "=加厚"},
		// One part.
		{"红色", "红色", "", guess, ""},
		{"XL", "", "XL", guess, ""},
		{"3xl", "", "3xl", guess, ""},
		{"均码", "", "均码", guess, ""},
		{"36.5", "", "36.5", guess, ""},
		{"XL(建议120斤)", "", "XL(建议120斤)", guess, ""},
		{"红色-XL", "红色", "XL", guess, ""},
		{"红色 XXL", "红色", "XXL", guess, ""},
		{"红色 加厚", "红色 加厚", "", guess, ""},
		{"T恤-36", "T恤-36", "", guess, ""},
		// By label.
		{"颜色:红;尺码:XL", "红", "XL", labelled, ""},
		{"颜色：红；尺码：XL", "红", "XL", labelled, ""},
		{"颜色:蓝色;尺码:XL", "蓝色", "XL", labelled, ""},
		{"尺码:XL;颜色:红", "红", "XL", labelled, ""},
		{"颜色分类:红;尺寸:十片", "红", "十片", labelled, ""},
		{"Color:Red;SIZE:M", "Red", "M", labelled, ""},
		{"颜色:红;码:36", "红", "36", labelled, ""},
		{"颜色:红,尺码:XL", "红", "XL", labelled, ""},
		{"颜色:红，尺码:XL，材质:棉", "红", "XL", positional, "材质=棉"},
		{"颜色:红,白;尺码:XL", "红,白", "XL", labelled, ""},
		{"颜色:红,白", "红,白", "", labelled, ""},
		{"颜色:红,白,尺码:XL", "红,白", "XL", labelled, ""},
		{"颜色:红:偏橙;尺码:XL", "红:偏橙", "XL", guess, ""},
		{"颜色:;尺码:XL", "", "XL", labelled, ""},
		{"颜色:红;规格:大包;尺码:XL", "红", "XL", labelled, "规格=大包"},
		{"颜色:红;颜色:蓝;尺码:XL", "红", "XL", labelled, "颜色=蓝"},
		{"材质:棉;颜色:红", "红", "", positional, "材质=棉"},
		// A label and a place.
		{"颜色:红;XL", "红", "XL", positional, ""},
		{"红;尺码:XL", "红", "XL", positional, ""},
		{"颜色:红,XL", "红", "XL", positional, ""},
		{"颜色:红;尺码:XL;预定15天", "红", "XL", positional, "=预定15天"},
		// Labels within a value, and labels that people use.
		{"颜色:红 尺码:XL", "红", "XL", labelled, ""},
		{"材质:棉;颜色:红 尺码:XL", "红", "XL", positional, "材质=棉"},
		{"颜色:红 尺码:XL 规格:大包", "红", "XL", labelled, "规格=大包"},
		{"颜色:红 尺码:XL;材质:棉", "红", "XL", positional, "材质=棉"},
		{"颜色:红/尺码:XL", "红", "XL", labelled, ""},
		{"颜色:红|尺码:XL", "红", "XL", labelled, ""},
		{"颜色:红、尺码:XL", "红", "XL", labelled, ""},
		{"颜色:红+尺码:XL", "红", "XL", labelled, ""},
		{"颜色:红\n尺码:XL", "红", "XL", labelled, ""},
		{"颜色:红尺码:XL", "红", "XL", labelled, ""},
		{"尺码：XL颜色：红", "红", "XL", labelled, ""},
		{"颜色:红 (加绒) 尺码:XL", "红 (加绒)", "XL", labelled, ""},
		{"颜色:红(尺码:偏大);尺码:XL", "红(尺码:偏大)", "XL", labelled, ""},
		{"颜色:红 条码:123", "红 条码:123", "", guess, ""},
		{"Color:Red Size:M", "Red", "M", labelled, ""},
		{"颜色名称:红;尺码名称:XL", "红", "XL", labelled, ""},
		{"颜色分类:红;鞋码:42", "红", "42", labelled, ""},
		{"颜色:红;身高:110cm", "红", "110cm", labelled, ""},
		{"颜色:红;参考身高:110cm", "红", "110cm", labelled, ""},
		{"颜色:红;尺码(欧码):42", "红", "42", labelled, ""},
		{"颜色:红;尺码（欧码）：42", "红", "42", labelled, ""},
		// A size in the first place.
		{"110cm;红色", "红色", "110cm", guess, ""},
		{"XL/180;深蓝", "深蓝", "XL/180", guess, ""},
		{"EUR42;黑色", "黑色", "EUR42", guess, ""},
		{"均码;白", "白", "均码", guess, ""},
		{"十片;水青色", "十片", "水青色", guess, ""},
		// Nothing.
		{"材质:棉;产地:杭州", "", "", none, "材质=棉 产地=杭州"},
		{"颜色:;尺码:", "", "", none, ""},
		{"", "", "", none, ""},
		{" ", "", "", none, ""},
		{";;；", "", "", none, ""},
		{",", "", "", none, ""},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			p := mapping.ParseProperties(tt.text)
			var others []string
			for _, o := range p.Others {
				others = append(others, o.Key+"="+o.Value)
			}
			assert.Equal(t, tt.text, p.Text)
			assert.Equal(t, tt.color, p.Color, "colour")
			assert.Equal(t, tt.size, p.Size, "size")
			assert.Equal(t, tt.confidence.String(), p.Confidence.String())
			assert.Equal(t, tt.others, strings.Join(others, " "))
		})
	}
}

// TestLabelledValues puts every label, value and order together with every separator, also in full
// width, with blanks and with invisible characters: what is said to be labelled is right.
func TestLabelledValues(t *testing.T) {
	colors := []string{"红色", "黑白拼色", "Red", "红/白", "白+黑", "A款红", "酒红色(加绒)"}
	sizes := []string{"XL", "170/92A", "36.5", "均码", "XL(建议120斤)", "90cm", "ＸＬ"}
	colorLabels := []string{"颜色", "颜色分类", "主要颜色", "颜 色", "颜　色", "颜色(主)", "\ufeff颜色"}
	sizeLabels := []string{"尺码", "鞋码", "参考身高", "尺码（EU）", "尺 码", "规格", "ＳＩＺＥ"}
	separators := []string{";", "；", "﹔", ",", "，", " ", "　", "\u00a0", "/", "／", "|", "｜", " | ", "、", "+", "＋", "-", "－", "·", "。", ".", "~", "～", "\n", "\r\n", "\t", "\u200b", "; ", ""}
	rng := rand.New(rand.NewPCG(22, 6))
	for _, separator := range separators {
		for _, colon := range []string{":", "：", ": ", " ：", "﹕", "∶", ":\u200b"} {
			for range 100 {
				i := rng.IntN(49 * 49)
				color, size := colors[i%7], sizes[i/7%7]
				first, second := colorLabels[i/49%7]+colon+color, sizeLabels[i/343]+colon+size
				if i%2 == 1 {
					first, second = second, first
				}
				text := first + separator + second
				if separator == "" && i/343 == 6 {
					continue // a Latin label right after a Latin value, see below
				}
				p := mapping.ParseProperties(text)
				require.Equal(t, color+"|"+size, p.Color+"|"+p.Size, "%q", text)
				require.Equal(t, mapping.ConfidenceLabelled, p.Confidence, "%q", text)
			}
		}
	}
	// Nothing separates the letters of the value and of the label.
	p := mapping.ParseProperties("尺码:SColor:红色")
	assert.Equal(t, mapping.ConfidenceGuess, p.Confidence)
	for text, want := range map[string]string{
		"３６；红色": "红色|３６", "ｘｌ;深蓝": "深蓝|ｘｌ", "\ufeff红色;\u200bXL\u200b": "红色|XL", "红色、XL": "红色|XL", "红色+XL": "红色|XL", "红色\nXL": "红色|XL", "红色／ＸＬ": "红色|ＸＬ",
	} {
		p := mapping.ParseProperties(text)
		assert.Equal(t, want, p.Color+"|"+p.Size, "%q", text)
	}
}

// TestSizes: which texts that stand alone are sizes; the others are colors.
func TestSizes(t *testing.T) {
	sizes := []string{
		"S", "m", "L", "F", "XS", "xl", "XXXXXL", "2XL", "9xs", "XL码", "XL号", "均码", "通码", "大码", "中码", "小码", "大号", "中号", "小号", "ＸＬ",
		"3", "36", "170", "36.5", "36码", "36号", "9", "0", "170/92", "170/92A", "170/92G", "XL/180", "180/XL", "XL(大)", "XL（大）", "XL [大]", "XL【大】",
		"FREE", "free size", "FreeSize", "One Size", "ONESIZE", "EUR42", "EU 42", "US8", "uk 6", "90cm", "90 CM",
	}
	colors := []string{
		"MM", "SL", "ML", "A", "H", "XA", "XXXXXXL", "1XL", "10XL", "XL2", "码", "号", "3600", "36.7", "-36", "36/", "/36", "170/92H", "170/92a", "36A", "170/A", "XL/", "XL/红", "红/XL红",
		"(XL)", "FREES", "EUR", "EURO42", "CN42", "CM", "90mm", "红CM", "红色码",
	}
	for size, texts := range map[bool][]string{true: sizes, false: colors} {
		for _, text := range texts {
			p := mapping.ParseProperties(text)
			assert.Equal(t, size, p.Size == text, "%q: %+v", text, p)
			assert.Equal(t, !size, p.Color == text, "%q: %+v", text, p)
		}
	}
	// In two parts: a color in the second place makes the places a guess.
	for text, want := range map[string]mapping.PropertyConfidence{
		"印花;红色": mapping.ConfidenceGuess, "印花;深蓝": mapping.ConfidenceGuess, "印花;黑白": mapping.ConfidenceGuess, "红;蓝": mapping.ConfidencePositional,
		"印花;深": mapping.ConfidencePositional, "印花;深海": mapping.ConfidencePositional, "印花;红豆": mapping.ConfidencePositional, "36;L": mapping.ConfidencePositional,
	} {
		assert.Equal(t, want, mapping.ParseProperties(text).Confidence, text)
	}
	for text, want := range map[string]string{
		"红色 - XL": "红色|XL", "红色-xl": "红色|xl", "红色-36": "红色-36|", "-XL": "-XL|", "红色-大码": "红色|大码", "红色-": "红色-|", "A-B-L": "A-B|L", "红色%L": "红色%L|",
	} {
		p := mapping.ParseProperties(text)
		assert.Equal(t, want, p.Color+"|"+p.Size, text)
	}
}

func TestPropertyLabels(t *testing.T) {
	labels := mapping.PropertyLabels{Color: []string{"花色"}, Size: []string{"片数"}}
	require.NoError(t, labels.Validate())
	p := labels.Parse("片数:十片;花色:水青;颜色:红")
	assert.Equal(t, "水青", p.Color)
	assert.Equal(t, "花色", p.ColorLabel)
	assert.Equal(t, "十片", p.Size)
	assert.Equal(t, "片数", p.SizeLabel)
	assert.Equal(t, []mapping.Property{{Key: "颜色", Value: "红"}}, p.Others)

	m, err := mapping.NewProductMapper(mapping.ProductConfig{Properties: labels})
	require.NoError(t, err)
	labels.Color[0] = "颜色" // the mapper has labels of its own
	made := m.SKUs([]jushuitan.SKU{{SKUID: "A", IID: "S", PropertiesValue: "片数:十片;花色:水青;颜色:红"}})
	require.Len(t, made, 1)
	assert.Equal(t, "水青 十片", made[0].SKUs[0].Color+" "+made[0].SKUs[0].Size)

	require.NoError(t, mapping.DefaultPropertyLabels().Validate())
	for name, bad := range map[string]mapping.PropertyLabels{
		"is empty":           {Color: []string{""}, Size: []string{"码"}},
		"duplicate":          {Color: []string{"Color"}, Size: []string{"COLOR"}},
		"a separator":        {Color: []string{"颜色："}, Size: []string{"码"}},
		"at least one label": {Color: []string{"颜色"}},
	} {
		require.ErrorContains(t, bad.Validate(), name)
		_, err := mapping.NewProductMapper(mapping.ProductConfig{Properties: bad})
		require.ErrorContains(t, err, name)
	}
}

// runes counts what carries meaning: neither blanks nor separators.
func runes(counts map[rune]int, by int, texts ...string) {
	for _, text := range texts {
		for _, r := range text {
			if !unicode.IsSpace(r) && !unicode.IsPunct(r) && !unicode.Is(unicode.Cf, r) && !strings.ContainsRune("∶|+＋｜~～", r) {
				counts[r] += by
			}
		}
	}
}

func FuzzParseProperties(f *testing.F) {
	for _, seed := range []string{"红色;XL", "颜色:红;尺码:XL", "水青色,十片", "T恤-紫-预定15个工作日发;S", "颜色:红,白,XL", ":;:", "红(;", "\xff;\xfe", "a:b,c:d;e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := mapping.ParseProperties(text)
		require.Equal(t, text, p.Text)
		if p.Confidence == mapping.ConfidenceNone {
			require.Empty(t, p.Color+p.Size)
		} else {
			require.NotEmpty(t, p.Color+p.Size)
		}
		counts := map[rune]int{}
		runes(counts, 1, text)
		runes(counts, -1, p.Color, p.ColorLabel, p.Size, p.SizeLabel)
		for _, o := range p.Others {
			runes(counts, -1, o.Key, o.Value)
		}
		for r, n := range counts {
			require.Zero(t, n, "%q is lost or doubled in %+v", r, p)
		}
	})
}

func TestParsePropertiesAllocations(t *testing.T) {
	labels := mapping.DefaultPropertyLabels()
	for _, text := range []string{"红色;XL", "颜色:红;尺码:XL", "T恤-紫-预定15个工作日发;S", "红色"} {
		assert.Zero(t, testing.AllocsPerRun(100, func() { labels.Parse(text) }), text)
	}
}

func BenchmarkParseProperties(b *testing.B) {
	labels := mapping.DefaultPropertyLabels()
	b.ReportAllocs()
	for b.Loop() {
		labels.Parse("颜色:蓝色;尺码:XL")
	}
}

func ExampleParseProperties() {
	for _, text := range []string{"红色;XL", "尺码:XL;颜色:红", "水青色,十片", "红色"} {
		p := mapping.ParseProperties(text)
		fmt.Printf("%s: colour %q size %q (%s)\n", text, p.Color, p.Size, p.Confidence)
	}
	// Output:
	// 红色;XL: colour "红色" size "XL" (positional)
	// 尺码:XL;颜色:红: colour "红" size "XL" (labelled)
	// 水青色,十片: colour "水青色" size "十片" (guess)
	// 红色: colour "红色" size "" (guess)
}
