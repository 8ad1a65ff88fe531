<#import "template.ftl" as layout>
<#-- No link back: its address would be one that the client chose for itself. -->
<@layout.registrationLayout displayMessage=false; section>
<#if section == "header">
  ${msg("errorTitle")}
<#elseif section == "form">
  <#-- Keycloak names a parameter of the request as the protocol does. -->
  <#assign summary = message.summary>
  <#list ["redirect_uri", "client_id", "response_type"] as parameter>
    <#assign summary = summary?replace(parameter, msg("parameter." + parameter))>
  </#list>
  <div id="kc-error-message" class="message error" role="alert"><p>${summary}</p></div>
  <p class="next">${msg("nextAfterError")}</p>
  <#if traceId??><p id="traceId">${msg("traceIdSupportMessage", traceId)}</p></#if>
</#if>
</@layout.registrationLayout>
