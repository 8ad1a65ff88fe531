<#import "template.ftl" as layout>
<#-- Keycloak's own list answers to a mouse only. -->
<@layout.registrationLayout; section>
<#if section == "header">
  ${msg("loginChooseAuthenticator")}
<#elseif section == "form">
  <form id="kc-select-credential-form" action="${url.loginAction}" method="post">
    <#list auth.authenticationSelections as way>
      <button name="authenticationExecution" value="${way.authExecId}"><span>${msg(way.displayName)}<small>${msg(way.helpText)}</small></span></button>
    </#list>
  </form>
</#if>
</@layout.registrationLayout>
