package main

import "net/http"

// The least that an apiserver asks of an aggregated API, and one resource,
// `greetings`, to read through it. The group and version are the asker's, so
// one image serves whatever APIService a test registers.

func groups(writer http.ResponseWriter, _ *http.Request) {
	writeJSON(writer, object{"kind": "APIGroupList", "apiVersion": "v1", "groups": []object{}})
}

func group(writer http.ResponseWriter, request *http.Request) {
	name := request.PathValue("group")
	version := object{"groupVersion": name + "/v1", "version": "v1"}
	writeJSON(writer, object{
		"kind":             "APIGroup",
		"apiVersion":       "v1",
		"name":             name,
		"versions":         []object{version},
		"preferredVersion": version,
	})
}

func resources(writer http.ResponseWriter, request *http.Request) {
	writeJSON(writer, object{
		"kind":         "APIResourceList",
		"apiVersion":   "v1",
		"groupVersion": groupVersion(request),
		"resources": []object{{
			"name":         "greetings",
			"singularName": "greeting",
			"namespaced":   false,
			"kind":         "Greeting",
			"verbs":        []string{"list"},
		}},
	})
}

func greetings(writer http.ResponseWriter, request *http.Request) {
	writeJSON(writer, object{
		"kind":       "GreetingList",
		"apiVersion": groupVersion(request),
		"metadata":   object{},
		"items": []object{{
			"kind":       "Greeting",
			"apiVersion": groupVersion(request),
			"metadata":   object{"name": "hello"},
		}},
	})
}

func groupVersion(request *http.Request) string {
	return request.PathValue("group") + "/" + request.PathValue("version")
}
