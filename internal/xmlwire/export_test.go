package xmlwire

// UnmarshalByTokens is [Codec.Unmarshal] with the tokenizer alone.
func (c *Codec) UnmarshalByTokens(data []byte, into ...any) (root string, err error) {
	return c.unmarshal(data, into, false)
}
