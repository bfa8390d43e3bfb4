package wire

import "github.com/go-json-experiment/json"

// LibraryMarshal and LibraryMarshalExact encode with the JSON library alone.
func LibraryMarshal(v any) ([]byte, error)      { return json.Marshal(v, marshalOptions) }
func LibraryMarshalExact(v any) ([]byte, error) { return json.Marshal(v, marshalExactOptions) }
