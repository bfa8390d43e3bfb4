package call

import (
	"errors"
	"fmt"
	"strings"
)

// CheckPath returns an error unless path, appended to a host, is a path on that host and
// nothing more, so that signed data and tokens are never sent anywhere else.
func CheckPath(path string) error {
	if !strings.HasPrefix(path, "/") {
		return errors.New("the path does not begin with a slash")
	}
	for _, c := range []byte(path) {
		if !inPath(c) {
			return fmt.Errorf("the path holds %q: letters, digits and -._~!$&'()*+,;=: are allowed", c)
		}
	}
	for i, segment := range strings.Split(path[1:], "/") {
		switch {
		case segment == "." || segment == "..":
			return fmt.Errorf("the path has the segment %q", segment)
		case segment == "" && i < strings.Count(path, "/")-1:
			return errors.New("the path has an empty segment (//)")
		}
	}
	return nil
}

// inPath reports whether a byte may appear in a path unescaped. A percent sign may not,
// since it could encode any of the refused characters.
func inPath(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return strings.IndexByte("/-._~!$&'()*+,;=:", c) >= 0
}
