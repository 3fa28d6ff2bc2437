package sidelite

import (
	"fmt"
	"reflect"
)

// scanReflected copies a cell to destinations whose types are made of the plain ones.
func (r Row) scanReflected(c *cell, destination any) error {
	pointer := reflect.ValueOf(destination)
	if pointer.Kind() != reflect.Pointer || pointer.IsNil() {
		return fmt.Errorf("a %T is no place for a value", destination)
	}
	target := pointer.Elem()
	switch target.Kind() {
	case reflect.Pointer:
		return r.scanPointer(c, target)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return scanSigned(c, target)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return scanUnsigned(c, target)
	case reflect.Float32, reflect.Float64:
		return scanReal(c, target)
	case reflect.Bool:
		value, err := truthOf(c)
		if err == nil {
			target.SetBool(value)
		}
		return err
	case reflect.String:
		value, err := r.textOf(c)
		if err == nil {
			target.SetString(value)
		}
		return err
	case reflect.Slice:
		if target.Type().Elem().Kind() == reflect.Uint8 {
			bytes, err := r.bytesOf(c)
			if err == nil {
				target.SetBytes(bytes)
			}
			return err
		}
	}
	return fmt.Errorf("a %T is no place for a value", destination)
}

// scanPointer leaves nil for NULL.
func (r Row) scanPointer(c *cell, target reflect.Value) error {
	if c.kind == kindNull {
		target.SetZero()
		return nil
	}
	value := reflect.New(target.Type().Elem())
	if err := r.scan(c, value.Interface()); err != nil {
		return err
	}
	target.Set(value)
	return nil
}

func scanSigned(c *cell, target reflect.Value) error {
	value, err := integerOf(c)
	if err != nil {
		return err
	}
	if target.OverflowInt(value) {
		return fmt.Errorf("%d does not fit into a %s", value, target.Type())
	}
	target.SetInt(value)
	return nil
}

func scanUnsigned(c *cell, target reflect.Value) error {
	value, err := integerOf(c)
	if err != nil {
		return err
	}
	if value < 0 || target.OverflowUint(uint64(value)) {
		return fmt.Errorf("%d does not fit into a %s", value, target.Type())
	}
	target.SetUint(uint64(value))
	return nil
}

func scanReal(c *cell, target reflect.Value) error {
	value, err := realOf(c)
	if err != nil {
		return err
	}
	if target.OverflowFloat(value) {
		return fmt.Errorf("%v does not fit into a %s", value, target.Type())
	}
	target.SetFloat(value)
	return nil
}
