// Prints the numbers of the fields of Kubernetes' own kinds on the protobuf wire, from the tags of their Go types: what
// backend/machinery reads the bodies of typed clients by.
package main

import (
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

var special = map[string]string{
	"k8s.io/apimachinery/pkg/apis/meta/v1.Time":       "time",
	"k8s.io/apimachinery/pkg/apis/meta/v1.MicroTime":  "microtime",
	"k8s.io/apimachinery/pkg/apis/meta/v1.Duration":   "duration",
	"k8s.io/apimachinery/pkg/apis/meta/v1.FieldsV1":   "raw",
	"k8s.io/apimachinery/pkg/api/resource.Quantity":   "quantity",
	"k8s.io/apimachinery/pkg/util/intstr.IntOrString": "intorstring",
	"k8s.io/apimachinery/pkg/runtime.RawExtension":    "raw",
}

type table struct{ types map[string][]string }

func name(t reflect.Type) string {
	path := strings.TrimPrefix(strings.TrimPrefix(t.PkgPath(), "k8s.io/api/"), "k8s.io/apimachinery/pkg/")
	return path + "." + t.Name()
}

func (t *table) kind(of reflect.Type) string {
	if word, ok := special[of.PkgPath()+"."+of.Name()]; ok {
		return word
	}
	switch of.Kind() {
	case reflect.Pointer:
		return t.kind(of.Elem())
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "bool"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "int"
	case reflect.Float32:
		return "float"
	case reflect.Float64:
		return "double"
	case reflect.Slice:
		if of.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		return "list:" + t.kind(of.Elem())
	case reflect.Map:
		return "map:" + t.kind(of.Elem())
	case reflect.Struct:
		t.add(of)
		return "@" + name(of)
	}
	panic(of.String())
}

func (t *table) add(of reflect.Type) {
	key := name(of)
	if _, known := t.types[key]; known {
		return
	}
	t.types[key] = nil
	for i := 0; i < of.NumField(); i++ {
		field := of.Field(i)
		wire := strings.Split(field.Tag.Get("protobuf"), ",")
		if len(wire) < 2 {
			continue
		}
		tags := strings.Split(field.Tag.Get("json"), ",")
		called, flags := tags[0], ""
		has := func(what string) bool {
			for _, tag := range tags[1:] {
				if tag == what {
					return true
				}
			}
			return false
		}
		if called == "" || has("inline") {
			called = "."
		}
		if (has("omitempty") || has("omitzero")) && field.Type.Kind() != reflect.Pointer {
			flags = " o"
		}
		t.types[key] = append(t.types[key], fmt.Sprintf("%s %s %s%s", wire[1], called, t.kind(field.Type), flags))
	}
}

func main() {
	t := &table{types: map[string][]string{}}
	var kinds []string
	for _, line := range os.Args[1:] {
		version, kind, _ := strings.Cut(line, "/Kind=")
		gv, err := schema.ParseGroupVersion(version)
		if err != nil {
			panic(err)
		}
		object, err := scheme.Scheme.New(gv.WithKind(kind))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			continue
		}
		kinds = append(kinds, fmt.Sprintf("kind %s/%s %s", version, kind, strings.TrimPrefix(t.kind(reflect.TypeOf(object)), "@")))
	}
	sort.Strings(kinds)
	for _, kind := range kinds {
		fmt.Println(kind)
	}
	var names []string
	for key := range t.types {
		names = append(names, key)
	}
	sort.Strings(names)
	for _, key := range names {
		fmt.Println("type " + key)
		for _, line := range t.types[key] {
			fmt.Println(line)
		}
	}
}
