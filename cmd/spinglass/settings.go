package main

import (
	"errors"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/pflag"
)

const (
	environmentPrefix = "SPINGLASS_"
	flagConfig        = "config"
)

// environmentName returns the variable that a flag can be given in: SPINGLASS_DATA_DIR for --data-dir.
func environmentName(flag string) string {
	return environmentPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// fromEnvironment sets a flag that was not given from the environment.
func fromEnvironment(flag *pflag.Flag) error {
	if flag.Changed {
		return nil
	}
	name := environmentName(flag.Name)
	value := os.Getenv(name)
	if value == "" {
		return nil
	}
	if err := flag.Value.Set(value); err != nil {
		return usagef("%s: %q: %v", name, value, err)
	}
	flag.Changed = true
	return nil
}

// fillSettings sets the flags that were not given from the environment, and those that are still not given from the configuration
// file.
func fillSettings(flags *pflag.FlagSet) error {
	var failed error
	flags.VisitAll(func(flag *pflag.Flag) {
		if flag.Name != "help" {
			failed = errors.Join(failed, fromEnvironment(flag))
		}
	})
	if failed != nil {
		return failed
	}
	path := flags.Lookup(flagConfig).Value.String()
	if path == "" {
		return nil
	}
	if err := fromFile(flags, path); err != nil {
		return fmt.Errorf("configuration %s: %w", path, err)
	}
	return nil
}

// fromFile sets flags from a TOML file, whose keys are the names of flags.
func fromFile(flags *pflag.FlagSet, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return errors.Unwrap(err)
	}
	var values map[string]any
	if err := toml.Unmarshal(text, &values); err != nil {
		var decode *toml.DecodeError
		if errors.As(err, &decode) {
			row, _ := decode.Position()
			return fmt.Errorf("line %d: %w", row, err)
		}
		return err
	}
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		flag := flags.Lookup(key)
		if flag == nil || key == flagConfig || key == "help" {
			return fmt.Errorf("unknown key %q", key)
		}
		value, err := settingText(values[key])
		if err != nil {
			return fmt.Errorf("key %q: %w", key, err)
		}
		if flag.Changed {
			continue
		}
		if err := flag.Value.Set(value); err != nil {
			return fmt.Errorf("key %q: %q: %w", key, value, err)
		}
	}
	return nil
}

// settingText returns a TOML value in the form that a flag takes.
func settingText(value any) (string, error) {
	switch value := value.(type) {
	case string:
		return value, nil
	case bool:
		return strconv.FormatBool(value), nil
	case int64:
		return strconv.FormatInt(value, 10), nil
	case float64:
		return strconv.FormatFloat(value, 'g', -1, 64), nil
	case []any:
		items := make([]string, len(value))
		for i, item := range value {
			text, ok := item.(string)
			if !ok {
				return "", errors.New("a list holds strings")
			}
			items[i] = text
		}
		return strings.Join(items, ","), nil
	}
	return "", errors.New("the value is not a string, a number, true or false, or a list of strings")
}
